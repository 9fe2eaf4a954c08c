-- A recorded run: one such file a rank (rank0.sqlite, rank1.sqlite, …) in the run's folder.
-- Version 1. A change that an older reader would misread raises the version; an added column or table does not.
-- No pickles: numbers, text, JSON and raw little-endian arrays only, so a run from a stranger is safe to open.
-- NaN is stored as NULL (SQLite knows no NaN) and means "not measured"; a loss that was NaN is the text 'nan'.

CREATE TABLE schema (version INTEGER NOT NULL);     -- one row

-- Facts of the run as JSON values. The writer's own keys: program, arguments, started (ISO 8601, UTC), started_at
-- (seconds since 1970), rank, world, pid, pid_started (boot clock ticks, tells a reused pid), host, journal; and at the
-- end ended_at, state, exit_status, exception. A run without `state` was killed, or is still running.
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- Quantities declared by the recorder: over what they run (step, parameters, layers, losses, inputs) and their unit.
CREATE TABLE quantities (name TEXT PRIMARY KEY, over TEXT NOT NULL, unit TEXT);

-- A stream is one optimizer. facts: JSON object.
CREATE TABLE streams (stream INTEGER PRIMARY KEY, facts TEXT NOT NULL);

-- What a stream's networks consist of. kind: layer, parameter, edge, loss, input, evaluation, explanation; key: path or id;
-- position: forward order, or order of first appearance; value: JSON object.
CREATE TABLE items (
    stream INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (stream, kind, key)
);

-- One row for each optimizer step; tick counts the steps of the whole run, over all streams. Further columns are added
-- when the recorder brings them. Seconds are durations except `time` (seconds since the run's start).
CREATE TABLE steps (
    tick INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    time REAL,
    epoch INTEGER,               -- number of the epoch, counted by iterations over the training's loader
    loss REAL,                   -- mean over the step's backwards
    learning_rate REAL,          -- of the first parameter group
    samples REAL,                -- in the step's batches
    backwards REAL,              -- outermost backwards since the last step
    optimizer REAL,              -- index of the stepping optimizer
    seconds REAL,                -- since the last step's end
    data_seconds REAL,
    forward_seconds REAL,
    backward_seconds REAL,
    optimizer_seconds REAL,
    evaluation_seconds REAL,
    clip_norm REAL,              -- total norm before clipping
    clip_limit REAL,
    uncleared REAL,              -- 1 where the last step's gradients were still there
    loss_scale REAL,             -- of a gradient scaler
    skipped REAL,                -- 1 where the scaler skipped the step
    memory_bytes REAL
);

-- Which places a vector's numbers belong to, in order. places: JSON list; sizes: JSON list of the number of elements of
-- each place, NULL where each has one.
CREATE TABLE layouts (id INTEGER PRIMARY KEY, over TEXT NOT NULL, places TEXT NOT NULL, sizes TEXT);

-- One quantity at one step over all places of a layout: float32, little-endian.
CREATE TABLE vectors (
    tick INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    layout INTEGER NOT NULL,
    data BLOB NOT NULL
);

-- One row for each pass over an evaluation set; tick is the last step before it (-1: before the first step).
CREATE TABLE evaluations (
    tick INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    set_id TEXT NOT NULL,
    loss REAL,
    accuracy REAL,               -- share right
    samples REAL,
    batches REAL,
    noise REAL,                  -- standard error of the mean loss over the pass's batches
    seconds REAL,
    memory_start REAL,           -- bytes at the pass's second batch
    memory_end REAL,             -- and at its last
    grad_enabled INTEGER,
    training_layers TEXT,        -- JSON list: dropout and normalisation layers in training mode
    evaluation_layers TEXT,      -- JSON list: the same kinds in evaluation mode
    shadow INTEGER               -- 1 where the training's loss was repeated on the program's outputs
);

-- int64 hashes of samples, little-endian; set_id is "train" or an evaluation set's id; tick: the step that used them.
CREATE TABLE hashes (stream INTEGER NOT NULL, set_id TEXT NOT NULL, data BLOB NOT NULL, tick INTEGER);

-- Arrays of an explanation (an item of kind explanation), little-endian: maps, importances, losses, and, unless samples
-- are kept out, the explained samples. owner: the item's key; dtype: float32; shape: JSON list. A run recorded before there
-- were explanations has no such table.
CREATE TABLE arrays (
    stream INTEGER NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (stream, owner, name)
);

-- Things that happened once. details: JSON object.
CREATE TABLE events (tick INTEGER, stream INTEGER, kind TEXT NOT NULL, place TEXT, details TEXT NOT NULL);
