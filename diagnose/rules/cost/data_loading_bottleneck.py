from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Training


@rule(needs=("data_seconds", "seconds"), symptoms=())
def data_loading_bottleneck(
    training: Training,
    *,
    share: float = 0.4,
    milliseconds: float = 2.5,
    microseconds: float = 25.0,
    seconds: float = 1.0,
    most: float = 0.9,
    busy: float = 3.0,
) -> Iterator[Finding]:
    """Training waits for its data.

    What it does:
        Compares the time spent waiting for batches with all time outside evaluation: more than `share` of it, with more
        than `milliseconds` a step, `microseconds` a sample (without workers) and `seconds` in all, is reported.
        On a machine on which other programs take their turns both times are taken for shorter by as much as these make
        everything longer, up to `busy` times; and where workers load, the share must be larger by as much, up to `most`: the
        workers wait for their turns too. Without workers a step counts as at most twice the median.

    Why is this bad:
        The processor or GPU stands still while the next batch is read and prepared.

    Fix:
        `num_workers`, `persistent_workers`, `pin_memory` in the DataLoader; decode and resize once and store the
        result; tensors instead of lists of Python numbers.

    Known problems:
        Where data are fetched without a DataLoader the time is not seen apart from the forward pass. Tiny networks
        spend a large share on indexing alone: below `milliseconds` a step that costs nobody anything.

    Example:
        `Dataset.__getitem__` that opens and resizes an image, `num_workers=0`

    References:
        PyTorch Performance Tuning Guide, "Enable asynchronous data loading and augmentation",
        https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html. 0.4: the level called high by
        profilers. 2.5: sound programs that wait so large a share of their time wait 1.7 ms a step at most, those with a slow
        `__getitem__` 2.9 and more. 0.9: own choice; whoever waits so long waits on any machine.
        3: own choice, for what waits for a disk does not wait longer for other programs; at 3 to 6 two sound programs that wait
        1.2 and 1.7 ms a step as a rule seemed to wait 4. 25: a sample of a TensorDataset takes 2 to 5 microseconds,
        those of sound challenge programs that make theirs as they go up to 14, those of a slow `__getitem__` 46 to 840.
    """
    data, all_seconds = training.series("data_seconds").finite(), training.series("seconds").finite()
    evaluation = training.series("evaluation_seconds").finite().values
    if not len(data) or not len(all_seconds):
        return
    waited = float(data.values[1:].sum())  # the first step holds what starting takes
    whole = float(all_seconds.values[1:].sum()) - float(evaluation[1:].sum())
    each = waited / max(len(data) - 1, 1)
    loader = training.facts.get("data", {}).get("loader") or {}
    workers, slowdown = loader.get("workers"), training.facts.get("slowdown")
    slower = max(float(slowdown), 1.0) if isinstance(slowdown, (int, float)) else 1.0
    if workers:
        share = min(share * slower, max(most, share))
    else:  # every batch is loaded alike: what a few took beyond that, the program itself was kept waiting
        each = min(each, 2 * float(np.median(data.values[1:])) if len(data) > 1 else each)
    longer = min(slower, busy)
    batch = loader.get("batch_size")
    least = milliseconds / 1e3 if workers or not isinstance(batch, int) else max(milliseconds / 1e3, batch * microseconds / 1e6)
    if whole <= 0 or waited <= max(share * whole, seconds * longer) or each <= least * longer:
        return
    with_workers = f" with {workers} workers" if isinstance(workers, int) else ""
    part = min(waited / whole, 1.0)
    yield Finding(
        message=f"{part:.0%} of the training time ({waited:.1f} s, {each * 1e3:.0f} ms a step) waits for "
        f"data{with_workers}",
        places=("data",),
        evidence=(Evidence("data_seconds", None, data.span, part, "above", share, statistic="share of all seconds"),),
        severity="warning",
        confidence=0.85,
        steps=signs.span(training),
        fix=Fix(
            "load in parallel, or prepare the samples once before training",
            f"DataLoader({loader.get('dataset') or 'dataset'}, batch_size={loader.get('batch_size')}, num_workers="
            f"{max(4, 2 * (workers or 0))}, persistent_workers=True)"
            if loader
            else None,
        ),
    )
