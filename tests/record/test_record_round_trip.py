"""What the writer is told, the reader gives back."""

import json
import os
import subprocess
import sys
import threading
from array import array
from pathlib import Path

import numpy as np
import pytest

import diagnose
from diagnose.finding import Source
from diagnose.record.redaction import HIDDEN, redact
from diagnose.record.runs import rank_files
from diagnose.record.writer import Writer
from diagnose.run import Run

STRANGE = ["схема.весá", "quote\"'`; DROP TABLE steps;--", "x" * 10_000, "новый\nline", "a -> b", "emoji 🧠", "%s{}\\", "other bytes \udcff"]


def floats(*values: float) -> bytes:
    return array("f", values).tobytes()


def integers(*values: int) -> bytes:
    return array("q", values).tobytes()


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    made = Writer.create(tmp_path, "train.py", ["--lr", "0.1"], facts={"seed": 3})
    yield made
    made.close("finished", 0)


def closed(writer: Writer) -> Run:
    writer.close("finished", 0)
    assert writer.stopped is None
    return diagnose.load(writer.path)


def test_run_facts(writer: Writer) -> None:
    writer.fact("overhead", {"fraction": 0.01})
    writer.fact("overhead", {"fraction": 0.02})
    writer.event(None, None, "blind-spot", "net", message="compiled")
    writer.close("failed", 1, "ValueError: x", device="cpu")
    run = diagnose.load(writer.path)
    assert (run.program, run.arguments, run.state, run.exit_status) == ("train.py", ("--lr", "0.1"), "failed", 1)
    assert run.exception == "ValueError: x"
    assert run.facts["overhead"] == {"fraction": 0.02}
    assert run.facts["device"] == "cpu" and run.facts["seed"] == 3
    assert run.trainings == () and run.ranks == 1 and 0 <= run.seconds < 60
    assert [(b.place, b.message) for b in run.blind_spots] == [("net", "compiled")]
    assert run.started.endswith("Z") and len(run.started) == 20


def test_steps_of_one_training(writer: Writer) -> None:
    for i in range(100):
        writer.step(i, 0, loss=1.0 / (i + 1), learning_rate=0.1, samples=8, new_thing=float(i))
    training = closed(writer).trainings[0]
    assert training.steps == 100
    np.testing.assert_allclose(training.series("loss").values, 1.0 / np.arange(1, 101))
    np.testing.assert_array_equal(training.series("new_thing").values, np.arange(100))
    assert not training.has("clip_norm")
    np.testing.assert_array_equal(training.series("optimizer").values, np.zeros(100))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), None])
def test_non_finite_loss(writer: Writer, value: float | None) -> None:
    writer.step(0, 0, loss=1.0)
    writer.step(1, 0, loss=value)
    got = closed(writer).trainings[0].series("loss")
    np.testing.assert_array_equal(got.values, [1.0] if value is None else [1.0, value])  # NaN is a loss, None is none
    np.testing.assert_array_equal(got.steps, [0] if value is None else [0, 1])


def test_a_loss_that_was_nan_from_the_first_step(writer: Writer) -> None:
    for i in range(3):
        writer.step(i, 0, loss=float("nan"))
    training = closed(writer).trainings[0]
    assert np.isnan(training.series("loss").values).all() and len(training.series("loss")) == 3


def test_strange_numbers_do_not_stop_the_record(writer: Writer) -> None:
    writer.step(0, 0, loss=np.float32(0.5), samples=np.int64(3), learning_rate=2**70)
    run = closed(writer)
    assert run.trainings[0].series("loss").values[0] == 0.5
    assert run.trainings[0].series("samples").values[0] == 3
    assert run.trainings[0].series("learning_rate").values[0] == 2.0**70


def test_names_of_any_kind(writer: Writer) -> None:
    writer.step(0, 0, loss=1.0)
    writer.items(0, "layer", [{"path": name, "type": name, "role": "other"} for name in STRANGE])
    layout = writer.layout("layers", STRANGE)
    writer.vector(0, 0, "output_mean", layout, floats(*range(len(STRANGE))))
    writer.fact("versions", {name: name for name in STRANGE})
    writer.evaluation(0, 0, STRANGE[1], loss=2.0)
    run = closed(writer)
    training = run.trainings[0]
    assert [layer.path for layer in training.layers] == STRANGE
    assert training.places("output_mean") == tuple(STRANGE)
    assert training.series("output_mean", STRANGE[3]).values.tolist() == [3.0]
    assert run.facts["versions"][STRANGE[2]] == STRANGE[2]
    assert training.evaluations[0].id == STRANGE[1]


def test_vectors_in_layouts_that_grow(writer: Writer) -> None:
    writer.items(0, "layer", [{"path": "b"}, {"path": "a"}, {"path": "late", "position": 1}])
    for i in range(4):
        writer.step(i, 0, loss=1.0)
    writer.quantity("output_mean", "layers", "x")
    first, second = writer.layout("layers", ["b", "a"]), writer.layout("layers", ["b", "late", "b#2", "a"])
    assert writer.layout("layers", ["b", "a"]) == first != second
    writer.vector(0, 0, "output_mean", first, floats(1, 2))
    writer.vector(2, 0, "output_mean", second, floats(3, 4, 5, float("nan")))
    writer.vector(3, 0, "output_mean", first, floats(6, 7))
    training = closed(writer).trainings[0]
    assert training.places("output_mean") == ("b", "b#2", "a", "late")  # positions 0, 0, 1 and 1
    b = training.series("output_mean", "b")
    assert (b.steps.tolist(), b.values.tolist(), b.unit) == ([0, 2, 3], [1, 3, 6], "x")
    np.testing.assert_array_equal(training.series("output_mean", "a").values, [2, np.nan, 7])
    assert training.matrix("output_mean").values.shape == (3, 4)


def test_ragged_vectors_are_padded_with_nan(writer: Writer) -> None:
    writer.step(0, 0, loss=1.0)
    writer.step(1, 0, loss=1.0)
    writer.vector(0, 0, "unit_std", writer.layout("layers", ["a", "b"], [2, 3]), floats(1, 2, 3, 4, 5))
    writer.vector(1, 0, "unit_std", writer.layout("layers", ["a", "b"], [1, 3]), floats(6, 7, 8, 9))
    training = closed(writer).trainings[0]
    np.testing.assert_array_equal(training.series("unit_std", "a").values, [[1, 2], [6, np.nan]])
    np.testing.assert_array_equal(training.series("unit_std", "b").values, [[3, 4, 5], [7, 8, 9]])


def test_two_vectors_at_one_step_keep_the_later(writer: Writer) -> None:
    writer.step(0, 0, loss=1.0)
    layout = writer.layout("layers", ["a"])
    writer.vector(0, 0, "output_mean", layout, floats(1))
    writer.vector(0, 0, "output_mean", layout, floats(2))
    assert closed(writer).trainings[0].series("output_mean", "a").values.tolist() == [2]


def test_interleaving_streams_are_one_training_and_separate_ones_two(writer: Writer) -> None:
    for i in range(10):
        writer.step(i, i % 2, loss=float(i))
    for i in range(10, 15):
        writer.step(i, 2, loss=float(i))
    writer.stream(0, type="Adam", settings={"lr": 0.1}, networks=["D"], accumulation=1)
    writer.stream(1, type="SGD", networks=["G"], source={"file": "/a/train.py", "line": 7})
    writer.stream(1, settings={"lr": 0.2})
    writer.items(0, "parameter", [{"path": "p", "optimized": True, "optimizer": 0, "reached": None, "size": 3}])
    writer.items(1, "parameter", [{"path": "p", "optimized": False, "optimizer": 1, "reached": True}])
    writer.event(12, None, "non-finite", "net", what="loss")
    gan, tuning = closed(writer).trainings
    assert (gan.steps, tuning.steps, gan.id, tuning.id) == (10, 5, 0, 1)
    assert [o.type for o in gan.optimizers] == ["Adam", "SGD"] and gan.networks == ("D", "G")
    assert gan.optimizers[1].settings == {"lr": 0.2} and gan.optimizers[1].source == Source("/a/train.py", 7)
    assert gan.series("optimizer").values.tolist() == [0, 1] * 5
    assert tuning.series("loss").steps.tolist() == [0, 1, 2, 3, 4]
    assert gan.facts["streams"]["0"] == {"accumulation": 1}
    shared = gan.parameter("p")
    assert shared is not None and shared.optimized and shared.reached and shared.optimizer == 0 and shared.size == 3
    assert gan.events == () and [(e.kind, e.step) for e in tuning.events] == [("non-finite", 2)]


def test_items_are_amended_and_keep_their_order(writer: Writer) -> None:
    writer.step(0, 0, loss=1.0)
    writer.items(
        0, "layer", [{"path": "a", "type": "Linear", "shape": [8, 3], "settings": {"bias": True}}, {"path": "b"}]
    )
    writer.items(0, "layer", [{"path": "a", "activation": "relu"}, {"path": "c", "unknown": 1}])
    writer.items(0, "edge", [{"source": "a", "target": "b", "operations": ["view"]}])
    writer.items(0, "loss", [{"id": "L", "function": "mse_loss", "role": "training", "shapes": [["mul", [2, 3]]]}])
    writer.items(0, "input", [{"id": "net:0", "network": "net", "shape": [8, 4], "dtype": "float32"}])
    training = closed(writer).trainings[0]
    assert [layer.path for layer in training.layers] == ["a", "b", "c"]
    first = training.layers[0]
    assert (first.type, first.activation, first.shape, first.settings) == ("Linear", "relu", (8, 3), {"bias": True})
    assert training.edges[0].source == "a" and training.edges[0].operations == ("view",)
    assert training.losses[0].shapes == (("mul", (2, 3)),) and training.training_losses == training.losses
    assert training.inputs[0].shape == (8, 4)


def test_evaluations_and_hashes(writer: Writer) -> None:
    writer.evaluation(-1, 0, "val", loss=9.0)
    for i in range(10):
        writer.step(10 + i, 0, loss=1.0, samples=2)
    writer.stream(0, data={"loader": {"dataset_size": 4}})
    writer.items(0, "loss", [{"id": "L", "function": "cross_entropy", "role": "training"}])
    site = {"function": "cross_entropy", "source": {"file": "t.py", "line": 3}}
    writer.items(
        0, "evaluation", [{"id": "val", "name": "validation", "site": site}, {"id": "x", "name": "x", "site": "L"}]
    )
    writer.evaluation(14, 0, "val", loss=0.5, accuracy=0.9, samples=100, batches=4, noise=0.01, grad_enabled=False,
                      training_layers=["drop"], shadow=False)  # fmt: skip
    writer.evaluation(19, 0, "val", loss=0.4, training_layers=[], evaluation_layers=["drop"], grad_enabled=False)
    writer.evaluation(19, 0, "val", loss=0.4, training_layers=["drop"])
    writer.evaluation(19, 0, "x", loss=1.0, shadow=True)
    writer.hashes(0, "train", integers(1, 2))
    writer.hashes(0, "train", integers(3, 3, 1, 2))
    writer.hashes(0, "val", integers(3, 7, 7, -1))
    training = closed(writer).trainings[0]
    val, x = training.evaluations
    assert (val.name, val.site.function, val.site.role, val.site.source) == (
        "validation", "cross_entropy", "evaluation", Source("t.py", 3))  # fmt: skip
    assert val.steps.tolist() == [0, 4, 9, 9] and val.loss.tolist() == [9.0, 0.5, 0.4, 0.4]
    assert val.accuracy[1] == 0.9 and np.isnan(val.accuracy[2]) and val.noise[1] == 0.01
    assert val.grad_enabled is False and val.training_layers == ("drop",) and val.evaluation_layers == ()
    assert val.same_data == pytest.approx(1 / 3) and x.same_data is None
    assert x.shadow and not val.shadow and x.site.role == "evaluation" and x.site.function == "cross_entropy"
    assert training.facts["train_repeats"] == pytest.approx(0.25)
    assert training.epochs == (0, 2, 4, 6, 8)


def test_recorded_epochs_hold(writer: Writer) -> None:
    for i in range(10):
        writer.step(i, 0, loss=1.0, epoch=i // 4)
    assert closed(writer).trainings[0].epochs == (0, 4, 8)


def test_ranks_of_one_job_share_a_folder(tmp_path: Path) -> None:
    writers = [Writer.create(tmp_path, "train.py", [], rank=rank, world=2) for rank in (0, 1)]
    assert writers[0].path == writers[1].path
    for rank, writer in enumerate(writers):
        writer.step(0, 0, loss=float(rank))
        writer.close("finished", 0)
    run = diagnose.load(writers[0].path)
    assert run.ranks == 2 and run.trainings[0].series("loss").values.tolist() == [0.5]  # what both minimise
    assert run.facts["rank_files"]["1"] == str(writers[1].file)
    assert diagnose.load(writers[1].file).trainings[0].series("loss").values.tolist() == [1.0]
    assert list(rank_files(writers[0].path)) == [0, 1]


def test_two_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    writers = [Writer.create(tmp_path, "train.py", []) for _ in range(3)]
    assert len({writer.path for writer in writers}) == 3
    threads = [
        threading.Thread(target=lambda w=w, n=n: [w.step(i, 0, loss=float(n)) for i in range(500)])
        for n, w in enumerate(writers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, writer in enumerate(writers):
        run = closed(writer)
        assert run.trainings[0].steps == 500 and set(run.trainings[0].series("loss").values) == {float(number)}


def test_calls_from_many_threads_all_arrive(writer: Writer) -> None:
    def work(start: int) -> None:
        for i in range(start, start + 1000):
            writer.step(i, 0, loss=float(i))
            writer.vector(i, 0, "q", writer.layout("layers", ["a"]), floats(i))

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    training = closed(writer).trainings[0]
    np.testing.assert_array_equal(training.series("loss").values, np.arange(4000))
    np.testing.assert_array_equal(training.series("q", "a").values, np.arange(4000))


def test_folder_ignores_itself_and_holds_one_file(writer: Writer, tmp_path: Path) -> None:
    closed(writer)
    assert (tmp_path / ".diagnose" / ".gitignore").read_text() == "*\n"
    assert os.listdir(writer.path) == ["rank0.sqlite"]


def test_writer_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import diagnose.record.writer; "
        "print([m for m in set(sys.modules) - before if m.split('.')[0] not in sys.stdlib_module_names | {'diagnose'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--api-key", "X"], ["--api-key", HIDDEN]),
        (["--api-key=X=Y"], [f"--api-key={HIDDEN}"]),
        (["--hf_token", "X", "--lr", "1"], ["--hf_token", HIDDEN, "--lr", "1"]),
        (["--wandbApiKey=X"], [f"--wandbApiKey={HIDDEN}"]),
        (["-password", "X"], ["-password", HIDDEN]),
        (["db.secret=X"], [f"db.secret={HIDDEN}"]),
        (["--TOKEN", "-1"], ["--TOKEN", HIDDEN]),
        (["--token", "--lr", "1"], ["--token", "--lr", "1"]),
        (["https://me:pw@host/x"], [f"https://{HIDDEN}@host/x"]),
        (["--max-tokens", "512"], ["--max-tokens", "512"]),
        (["--monkey=1", "--keyboard", "2", "key"], ["--monkey=1", "--keyboard", "2", "key"]),
        (["--name=a token"], ["--name=a token"]),
    ],
)
def test_secrets_are_hidden(given: list[str], shown: list[str]) -> None:
    assert redact(given)[0] == shown


def test_no_secret_reaches_the_disk(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path, "train.py", ["--api-key", "hunter2", "--token=hunter2", "http://u:hunter2@h/"])
    run = closed(writer)
    assert b"hunter2" not in writer.file.read_bytes()
    assert run.facts["redactions"] == ["--api-key", "--token", "address"]


def test_facts_may_hold_anything(writer: Writer) -> None:
    writer.fact("odd", {"path": Path("/x"), "nan": float("nan"), "set": {1}})
    assert closed(writer).facts["odd"]["path"] == "/x"
    assert json.dumps(diagnose.load(writer.path).facts["odd"]["set"]) == '"{1}"'
