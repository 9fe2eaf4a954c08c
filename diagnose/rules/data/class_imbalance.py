from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.run import LossSite, Series, Training

WHOLE_STRUCTURES = ("language", "gan", "reinforcement", "contrastive", "autoencoder", "vae")


class _Limits(NamedTuple):
    above_majority: float
    missed: float
    rare: float
    least: int  # samples of a class
    majority: float


@rule(
    needs=("losses",), symptoms=("constant-output", "underfitting", "loss-not-decreasing", "suspicious-validation")
)
def class_imbalance(
    training: Training,
    *,
    ratio: float = 12.0,
    above_majority: float = 0.1,
    rare: float = 20.0,
    missed: float = 0.5,
    least: int = 30,
    majority: float = 0.5,
    min_labels: int = 200,
) -> Iterator[Finding]:
    """Some classes are so rare that the network answers with the common one.

    What it does:
        Counts the labels over all snapshots (at least `min_labels`), pixels and tags too. A commonest class more than `ratio` times the
        rarest is a warning where the network does no better in the later half than always answering the commonest one
        (where its training batches were not looked at so late: on held-out data at the end): it gets less than
        `above_majority` of the others right on balance; or less than `missed` of them where the commonest is `rare` times
        as frequent (not of tags), or of a class that rare alone, among `least` samples of it or more. Else, and where the
        commonest has no `majority`, it is a note.
        Losses with class weights are left out.

    Why is this bad:
        Always answering the common class is then the easiest way to a low loss and a high accuracy; the rare classes,
        usually the ones that matter, are never learnt and the accuracy does not tell.

    Fix:
        Weights in the loss, a `WeightedRandomSampler`, or more samples of the rare class; judge by balanced accuracy.

    Known problems:
        Classes that the loss has outputs for but that never occurred are not counted. Words and adversarial labels
        are left out.

    Example:
        3 % positives in `nn.BCEWithLogitsLoss()` and an accuracy of 0.97

    References:
        He & Garcia 2009, Learning from Imbalanced Data, https://doi.org/10.1109/TKDE.2008.239. 12: SageMaker Debugger's
        ClassImbalance takes 10; a sound program (calibrated on 9 % positives) had 10.1, those that let a class go 14.5
        and more. 0.1: accuracy and share of the commonest class are taken over the same batches, so that for a network
        that always answers it both are equal, whatever the sample. 20 and 0.5: of rare classes a sound program got 0.76
        right on balance, one that let them go 0.33. 0.5: of many classes of which none is most of all, always answering one is
        no way to a high accuracy. 30: the share of a class of which half is told right is then known to within a tenth.
    """
    if training.kind in WHOLE_STRUCTURES:
        return
    for site in training.training_losses:
        weighted = any(site.arguments.get(key) is not None for key in ("weight", "pos_weight"))
        if not weighted and site.function in signs.CATEGORICAL + signs.BINARY:
            yield from _judge(training, site, ratio, _Limits(above_majority, missed, rare, least, majority), min_labels)


def _judge(
    training: Training, site: LossSite, ratio: float, limits: _Limits, min_labels: int
) -> Iterator[Finding]:
    counts = _label_counts(training, site)
    seen = int(counts.values.sum()) if len(counts) else 0
    shares = counts.values.sum(axis=0) / seen if seen else np.empty(0)
    present = np.flatnonzero(shares)
    if len(present) < 2 or seen < min_labels:
        return
    top, rarest = int(shares.argmax()), int(present[shares[present].argmin()])
    times = float(shares[top] / shares[rarest])
    if times <= ratio:
        return
    seen_at, right, common = _late_accuracy(training, site, counts, top)
    if np.isnan(right):
        seen_at, right, common = _held_out_accuracy(training, site, float(shares[top]))
    tags = site.function in signs.BINARY and site.input_shape is not None and len(site.input_shape) == 2 and site.input_shape[1] > 1
    margin = limits.missed if times > limits.rare and not tags else limits.above_majority  # of many tags half may be out of reach
    mostly = bool(shares[top] > limits.majority)
    stuck = mostly and right - common < margin * (1 - common)
    evidence = [Evidence("class_count", site.id, counts.span, times, "above", ratio, statistic="commonest over rarest")]
    end = ""
    if stuck:
        limit = common + margin * (1 - common)
        evidence.append(
            Evidence(seen_at.quantity, seen_at.place, seen_at.span, right, "below", limit, statistic="mean at the end")
        )
        end = f", and the accuracy of {right:.3f} is {'hardly better than' if right > common else 'no better than'} "
        end += f"that of always answering {top} ({common:.3f})"
    lost = None if stuck or tags or not mostly else _least_right(training, site, counts, limits.rare, limits.least)
    if lost is not None and lost[1] < limits.missed:
        stuck, (rarest, share, recalled) = True, lost
        evidence.append(Evidence("class_right", site.id, recalled.span, share, "below", limits.missed, "share", "told right at the end"))
        end = f", and of class {rarest} {share:.0%} are told right"
    place = signs.where(site)
    weights = [float(1 / (len(present) * shares[c])) if shares[c] > 0 else 0.0 for c in range(len(shares))]
    binary = site.function in signs.BINARY
    shown = ", ".join(f"{w:.3g}" for w in weights[:20]) + (", …" if len(weights) > 20 else "")
    code = (
        f"nn.BCEWithLogitsLoss(pos_weight=torch.tensor({shares[0] / shares[1]:.3g}))"
        if binary and len(shares) == 2 and shares[1] > 0
        else f"nn.CrossEntropyLoss(weight=torch.tensor([{shown}]))"
    )
    yield Finding(
        message=f"class {top} at {place} has {shares[top]:.1%} of {seen} labels, class {rarest} "
        f"{shares[rarest]:.2%}{end}",
        places=(place,),
        evidence=tuple(evidence),
        severity="warning" if stuck else "note",
        confidence=0.4 if not stuck else 0.8 if lost is None and right - common < limits.above_majority * (1 - common) else 0.65,
        steps=signs.span(training),
        fix=Fix("weigh the classes in the loss by the inverse of their share, or draw them evenly", code),
        source=site.source,
    )


def _least_right(
    training: Training, site: LossSite, counts: Series, rare: float, least: int
) -> tuple[int, float, Series] | None:
    """Of the classes that the commonest is so many times as frequent as, the one of which the smallest share is told right late."""
    right = training.series("class_right", site.id).finite()
    if right.values.ndim != 2 or right.values.shape[1:] != counts.values.shape[1:]:
        return None
    steps, mine, theirs = np.intersect1d(right.steps, counts.steps, return_indices=True)
    later = steps >= 0.5 * (training.steps - 1)
    if not later.any():
        return None
    whole = counts.values.sum(axis=0)
    there, told = counts.values[theirs][later].sum(axis=0), right.values[mine][later].sum(axis=0)
    known = np.flatnonzero((there >= least) & (whole * rare < whole.max()))
    if not len(known):
        return None
    worst = int(known[np.argmin(told[known] / there[known])])
    return worst, float(told[worst] / there[worst]), right


def _label_counts(training: Training, site: LossSite) -> Series:
    """How many labels of each class each snapshot saw; of a binary loss over pixels or tags by the mean of its targets."""
    counts = training.series("class_count", site.id).finite()
    shape = site.input_shape
    dense = site.function in signs.BINARY and shape is not None and len(shape) > 1 and prod(shape) > shape[0]
    if len(counts) or not dense or signs.typical(training, "loss_target_integer_share", site.id) != 1:
        return counts if counts.values.ndim == 2 else Series(counts.quantity, counts.place, counts.steps[:0], np.empty((0, 2)))
    means = training.series("loss_target_mean", site.id).finite()
    ones = prod(shape or ()) * means.values
    values = np.stack([prod(shape or ()) - ones, ones], axis=1)
    return Series("class_count", site.id, means.steps, values)


def _late_accuracy(training: Training, site: LossSite, counts: Series, top: int) -> tuple[Series, float, float]:
    """Accuracy in the later half, and what always answering `top` would have got on the same batches; NaN if unseen."""
    right = training.series("loss_accuracy", site.id).finite()
    steps, mine, theirs = np.intersect1d(right.steps, counts.steps, return_indices=True)
    later = steps >= 0.5 * (training.steps - 1)
    if not later.any():
        return right, float("nan"), float("nan")
    labels = counts.values[theirs][later]
    each = labels.sum(axis=1)
    common = float(labels[:, top].sum() / each.sum())
    return right, float((right.values[mine][later] * each).sum() / each.sum()), common


def _held_out_accuracy(training: Training, site: LossSite, common: float) -> tuple[Series, float, float]:
    """Accuracy over the last passes of a held-out set, whose labels are taken to fall as the training's do."""
    for evaluation in trend.held_out(training, passes=3):
        known = np.isfinite(evaluation.accuracy)
        if evaluation.site.function == site.function and known[-3:].all():
            series = Series("evaluation_accuracy", evaluation.id, evaluation.steps[known], evaluation.accuracy[known])
            return series, float(np.mean(series.values[-3:])), common
    return Series("evaluation_accuracy", None, np.empty(0, np.int64), np.empty(0)), float("nan"), float("nan")
