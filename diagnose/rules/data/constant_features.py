from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import InputSite, Training


@rule(
    needs=("feature_std",),
    symptoms=("constant-output", "underfitting", "loss-not-decreasing", "input-ignored", "train-validation-leakage"),
)
def constant_features(
    training: Training, *, min_snapshots: int = 3, zero_share: float = 0.5, unlearnt: float = 0.5
) -> Iterator[Finding]:
    """Input columns that never change.

    What it does:
        Looks for columns (or channels) with the same value in every sample of every snapshot, at least `min_snapshots`
        of them. All columns constant is an error: the network sees the same sample for ever; beside another input that
        varies (a mask of ones) it is noted. Some constant columns are noted; columns of zeros, or of the lowest value of all,
        only if they are more than `zero_share` of all. More than `zero_share` constant columns are an error where more than
        `unlearnt` of a constant prediction's loss remains.

    Why is this bad:
        A constant column tells nothing and acts as a second bias; standardising it divides by zero. Many of them mean
        that something went wrong on the way: the wrong column, an empty join, a cast.

    Fix:
        Drop the columns, or follow them back to where they became constant.

    Known problems:
        Borders of images are background everywhere, and a column of ones is a bias written by hand: only a note.

    Example:
        `x = (table - table.mean()).astype(int)` on a table of fractions

    References:
        Breck et al. 2019, Data Validation for Machine Learning, https://mlsys.org/Conferences/2019/doc/2019/167.pdf
    """
    if training.kind in ("gan", "reinforcement"):
        return
    for site in training.inputs:
        if "float" in site.dtype:
            yield from _judge(training, site, min_snapshots, zero_share, unlearnt)


def _judge(training: Training, site: InputSite, least: int, zero_share: float, unlearnt: float) -> Iterator[Finding]:
    std, mean = training.series("feature_std", site.id).finite(), training.series("feature_mean", site.id).finite()
    batch = site.shape[0] if site.shape else 0
    if len(std) < least or std.values.ndim != 2 or mean.values.shape != std.values.shape or batch < 2:
        return
    size = np.maximum(np.abs(mean.values).max(axis=0), 1e-12)
    still = (std.values.max(axis=0) <= 1e-6 * size) & (np.ptp(mean.values, axis=0) <= 1e-6 * size)
    columns, total = np.flatnonzero(still), std.values.shape[1]
    if not len(columns):
        return
    every = len(columns) == total
    if every and total < 2 and not _samples_alike(training, site):
        return
    lowest = float(mean.values.min())  # the background of images: zeros, or what scaling has made of them
    plain = np.isin(np.abs(mean.values[:, columns]).max(axis=0), (0.0, abs(lowest)))
    if not every and plain.all() and len(columns) <= zero_share * total:
        return
    shown = [int(c) for c in (columns if plain.all() else columns[~plain])]
    named = ", ".join(map(str, shown[:5])) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
    worst = float(std.values[:, columns].max())
    beside = every and any(_varies(training, other) for other in training.inputs if other is not site)
    bad = not beside and len(shown) > zero_share * total and any(
        signs.unlearnt(training, x) > unlearnt for x in training.training_losses
    )
    yield Finding(
        message=f"all {total} columns of {site.id} have the same value in every sample"
        if every
        else f"columns {named} of {site.id} ({len(shown)} of {total}) have the same value in every sample",
        places=(site.id,),
        evidence=(
            Evidence(
                "feature_std",
                site.id,
                std.span,
                worst,
                "within",
                (0.0, 1e-6 * float(size[columns].max())),
                statistic="max",
            ),
        ),
        severity="error" if (every and not beside) or bad else "note",
        confidence=0.6 if beside else 0.9 if every else 0.8 if bad else 0.6,
        steps=signs.span(training),
        fix=Fix(
            "follow the inputs back to where they became constant" if every else "drop the columns that tell nothing",
            None if every else "keep = x_train.std(dim=0) > 0\nx = x[:, keep]",
        ),
        source=site.source,
    )


def _varies(training: Training, site: InputSite) -> bool:
    low, high = (training.series(f"input_{end}", site.id).finite().values for end in ("min", "max"))
    return bool(len(low)) and bool(len(high)) and float(low.min()) < float(high.max())


def _samples_alike(training: Training, site: InputSite) -> bool:
    across = training.series("input_batch_std", site.id).finite().values
    return bool(len(across)) and float(across.max()) == 0.0
