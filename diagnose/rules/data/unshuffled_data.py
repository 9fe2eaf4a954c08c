from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.run import Floats, LossSite, Training

HARMLESS = 0.5  # of a constant's loss: windows of a series in order came to 0.1, samples sorted by their target to twice of it
NOTHING = 0.9  # of a constant's loss, as in loss-not-decreasing
ORDERED = ("language", "segmentation", "gan", "reinforcement", "contrastive", "autoencoder", "vae")


@rule(
    needs=("losses",),
    symptoms=(
        "oscillating-loss",
        "loss-spikes",
        "learning-rate-too-high",
        "overfitting",
        "underfitting",
        "diverging-loss",
        "loss-not-decreasing",
        "overtraining",
        "constant-output",
        "suspicious-validation",
    ),
)
def unshuffled_data(
    training: Training,
    *,
    margin: float = 0.25,
    sorted_share: float = 0.9,
    variance_ratio: float = 8.0,
    min_batch: int = 8,
    min_snapshots: int = 5,
) -> Iterator[Finding]:
    """Batches hold samples in the order in which they are stored.

    What it does:
        For classes: compares the share of neighbours in a batch with the same label with what drawing at random would
        give, the sum of the squared class shares; a typical batch `margin` of the way from there to 1 is reported.
        For quantities: compares the variance of the batches' mean targets with what random batches would have, the
        targets' variance over the batch size; more than `variance_ratio` times that is reported. Batches of at least
        `min_batch` samples, at least `min_snapshots` of them.

    Why is this bad:
        A batch of one class pulls the network to that class and the next one away from it: the loss swings with the
        order of the data, the gradient is no estimate of the whole, and batch norm sees one class at a time.

    Fix:
        `DataLoader(..., shuffle=True)`, or `torch.randperm` anew in each epoch.

    Known problems:
        Series, texts, images of labels and replayed experience are ordered by nature: those kinds are left out, and of
        recurrent networks only batches that are `sorted_share` of the way to a single label are reported, and quantities in order of
        which held-out ones are guessed no better than by a constant.
        Data stored in random order and read in that order do no harm and are not reported; nor are quantities in order of which
        held-out ones are guessed with less than half of a constant's loss.

    Example:
        `DataLoader(dataset)` on samples sorted by class

    References:
        Bengio 2012, Practical Recommendations for Gradient-Based Training, section 3.1,
        https://arxiv.org/abs/1206.5533. 8: the ratio follows F(n - 1, inf) for random batches, whose 99.9th
        percentile for 5 batches is 4.6. 0.25: the share of 7 random neighbours with one of two labels has a standard
        deviation of 0.19, the median of 5 such of 0.1; batches of 32 stray half as much. 0.9: files read class after class
        give 1; from 0.25 on no sound program with a recurrent layer is called.
    """
    if training.kind in ORDERED:
        return
    recurrent = any(layer.role == "recurrent" for layer in training.layers)
    loader = training.facts.get("data", {}).get("loader") or {}
    if loader.get("shuffle") is True:
        return
    samples = signs.typical(training, "samples")
    for site in training.training_losses:
        rows = site.target_shape[0] if site.target_shape else 0
        if rows < min_batch or not (np.isnan(samples) or rows == samples) or not _one_a_sample(site):
            continue
        if site.function in signs.CATEGORICAL + signs.BINARY:
            yield from _classes(training, site, sorted_share if recurrent else margin, min_snapshots, rows, bool(loader))
        elif site.function in signs.REGRESSION and not (recurrent and not _learns_nothing(training, site)):
            yield from _quantities(training, site, variance_ratio, min_snapshots, rows)


def _one_a_sample(site: LossSite) -> bool:
    """Whether the targets are one number or label a sample."""
    shape = site.target_shape or ()
    return prod(shape[1:]) == 1 or (site.function == "cross_entropy" and shape == site.input_shape and len(shape) == 2)


def _fix(training: Training) -> Fix:
    loader = training.facts.get("data", {}).get("loader") or {}
    if loader:
        return Fix(
            "shuffle the training data in each epoch",
            f"DataLoader({loader.get('dataset') or 'dataset'}, batch_size={loader.get('batch_size')}, shuffle=True)",
        )
    return Fix("shuffle the training data in each epoch", "for batch in torch.randperm(len(x)).split(batch_size):")


def _classes(
    training: Training, site: LossSite, margin: float, least: int, rows: int, loader: bool
) -> Iterator[Finding]:
    shares = signs.class_shares(training, site)
    repeats = training.series("label_repeat_share", site.id).finite()
    if len(shares) < 2 or len(repeats) < least:
        return
    random = float((shares**2).sum())
    limit = random + margin * (1 - random)
    level = float(np.median(repeats.values))
    if random > 0.9 or level <= limit or _mixed(training, site, limit):
        return
    place = signs.where(site)
    yield Finding(
        message=f"{level:.0%} of neighbours in a batch at {place} have the same label, at random it would be "
        f"{random:.0%}",
        places=(place,),
        evidence=(Evidence("label_repeat_share", site.id, repeats.span, level, "above", limit),),
        severity="error" if level > 0.9 and random < 0.7 else "warning",
        confidence=0.9 if loader or level > 0.9 else 0.75,
        steps=signs.span(training),
        fix=_fix(training),
        source=site.source,
    )


def _mixed(training: Training, site: LossSite, limit: float) -> bool:
    """Whether each batch holds the classes in about their shares, in whatever order: then the order does no harm."""
    counts = training.series("class_count", site.id).finite().values
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return float(np.median((shares**2).sum(axis=1))) <= limit


def _held_out(training: Training, site: LossSite) -> list[Floats]:
    """The last three losses of each held-out set that is judged by the same function, as shares of a constant's."""
    chance = signs.chance_loss(training, site)
    held = (e for e in trend.held_out(training, passes=3) if e.site.function == site.function)
    return [trend.finite_passes(e)[1][-3:] / chance for e in held] if chance > 0 else []


def _does_no_harm(training: Training, site: LossSite) -> bool:
    """Whether held-out samples are guessed much better than by a constant: windows of a series read from its beginning."""
    return any(float(shares.max()) < HARMLESS for shares in _held_out(training, site))


def _learns_nothing(training: Training, site: LossSite) -> bool:
    """Whether held-out samples are guessed no better than by a constant."""
    held = _held_out(training, site)
    return bool(held) and all(float(shares.min()) > NOTHING for shares in held)


def _quantities(training: Training, site: LossSite, limit: float, least: int, rows: int) -> Iterator[Finding]:
    means = training.series("loss_target_mean", site.id).finite()
    spread = training.series("loss_target_std", site.id).finite().values
    if len(means) < least or len(spread) < least or len(np.unique(means.values.round(12))) < least // 2:
        return
    within = float(np.mean(spread**2))
    between = float(np.var(means.values, ddof=1))
    if within <= 0:
        return
    times = between / ((within + between) / rows)
    if times <= limit or _does_no_harm(training, site):
        return
    place = signs.where(site)
    yield Finding(
        message=f"mean targets of the batches at {place} vary {times:.0f} times as much as those of random "
        f"batches of {rows}",
        places=(place,),
        evidence=(
            Evidence("loss_target_mean", site.id, means.span, times, "above", limit, statistic="variance ratio"),
        ),
        severity="error" if times > 0.5 * rows else "warning",
        confidence=0.85 if times > 0.5 * rows else 0.7,
        steps=signs.span(training),
        fix=_fix(training),
        source=site.source,
    )
