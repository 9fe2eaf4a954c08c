from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.run import EvaluationSet, LossSite, Training


@rule(
    needs=("evaluations",),
    symptoms=("overfitting", "overtraining", "suspicious-validation", "stopped-too-early", "wasted-epochs"),
)
def too_little_data(
    training: Training,
    *,
    samples_a_class: int = 20,
    samples: int = 100,
    gap: float = 3.0,
    learnt: float = 0.1,
    best: float = 0.2,
    ahead: float = 2.0,
    fewer: float = 8.0,
    worse: float = 1.25,
) -> Iterator[Finding]:
    """There are too few samples to learn the task from.

    What it does:
        Counts the training samples. Fewer than `samples_a_class` a class (`samples` for quantities) are too few where
        the network fits them (less than `learnt` of a constant prediction's loss remains) while its validation loss
        is at least `gap` times as high and was never, even at its best, below `best` of a constant prediction's. Where the
        validation never came below half of a constant prediction's they are too few if the training loss did, with `ahead`
        times between them, or, for fewer than half as many samples, whatever the training loss.
        However many there are: they are too few where the set that is validated on has `fewer` times as many, its loss ends at
        `worse` times that of the training and was never below half of a constant prediction's; and where each step is on the very
        same samples, one batch of those that the loader has, while the validation loss ends at `worse` times that of the training.

    Why is this bad:
        With so few samples the network learns each by heart. Stopping earlier does not help, as it does with
        overfitting: the validation was bad at its best moment too. More of them may lie at hand: in the larger part of a
        split that was turned round, or in the loader of which one batch was drawn before the loop.

    Fix:
        More data; augmentation; a pretrained network; a smaller, simpler model.

    Known problems:
        Where the number of samples is unknown (no DataLoader, and each sample was not seen three times) or nothing is
        validated, nothing is said. Labels that
        follow from nothing in the input look the same.

    Example:
        40 images of 10 classes and a network of 100,000 weights

    References:
        Hestness et al. 2017, Deep Learning Scaling is Predictable, https://arxiv.org/abs/1712.00409, figure 6: below a
        certain size ("small data region") models do no better than a guess. 20 and 0.2, measured: with 1 to 5 samples a
        class, networks on digits, cancer and wine tables left 0.15 to 0.77 of a constant prediction's validation loss
        at their best; with 20 a class 0.11 to 0.13. 2: ten a class half learnt lay 3.8 apart (`gh-21-less-data`); with 1 no sound program of
        tests/challenges would be called, none of which has so few samples and so bad a validation. 8: in sound
        programs there the held-out set is up to 3.6 times the training set, in one that overfits 6.3, in a turned split 16. 1.25: there
        1.35 times the training loss, with dropout on in training; where it is 3.3 times as large and sound, 1.13. One batch: no sound
        program makes each step on the same samples while its loader has more.
    """
    if training.kind in ("gan", "reinforcement", "language"):
        return
    batch = _one_batch(training)
    if batch is not None:
        yield from _drawn_once(training, *batch, worse)
        return
    total = _samples(training)
    if total is None:
        return
    for site in training.training_losses:
        shares = signs.class_shares(training, site)
        count = int((shares > 0).sum()) if len(shares) else 0
        limit = samples_a_class * count if count > 1 else samples
        left = signs.unlearnt(training, site)
        handful = total < 0.5 * limit  # so few that not having fitted them yet is no excuse
        if total >= limit:
            continue
        bounds = (0.0, 0.5) if handful else (gap, best) if left < learnt else (ahead, 0.5) if left < 0.5 else None
        if bounds is None:
            continue
        for evaluation in training.evaluations:
            if (
                evaluation.site.function == site.function
                and len(evaluation) >= 3
                and not evaluation.trained_on > 0.5
            ):
                finding = _judge(training, site, evaluation, total, limit, *bounds)
                if finding is not None:
                    yield finding
                    return
    yield from _fewer_than_held_out(training, total, fewer, worse)


def _one_batch(training: Training) -> tuple[int, int] | None:
    """Size of the batch that each step is on, and of the data set of its loader; None where steps differ, or all data are one batch."""
    loader = training.facts.get("data", {}).get("loader") or {}
    size, rows = loader.get("dataset_size"), loader.get("batch_size")
    different, same = training.facts.get("train_samples"), training.facts.get("train_same")
    if not (isinstance(size, int) and isinstance(rows, int) and isinstance(different, int) and isinstance(same, float)):
        return None
    whole = loader.get("sampler") in ("RandomSampler", "SequentialSampler") and training.ranks == 1  # else a part is meant
    if not (whole and same == 1 and size >= 2 * rows and max(2, 0.9 * rows) <= different <= rows):
        return None
    if any(site.shape and site.shape[0] != rows for site in training.inputs):
        return None  # it is another data set's loader
    if any(number <= size < number + rows for e in training.evaluations for number in _held_out_sizes(training, e)):
        return None  # it is the held-out set's loader, and those samples all there are
    targets = [training.series("loss_target_mean", site.id).finite().values for site in training.training_losses]
    if not all(np.ptp(values) <= 1e-6 * np.abs(values).max() for values in targets if len(values)):
        return None  # the same is given to the network for other targets
    return different, size


def _drawn_once(training: Training, different: int, size: int, worse: float) -> Iterator[Finding]:
    for pair in trend.pairs(training, passes=2):
        level, end = float(np.mean(signs.late(pair.training))), _end(pair.evaluation)
        if not (pair.comparable_levels and end > worse * level):
            continue
        place, name = signs.where(pair.site), pair.evaluation.name
        anew = len(training.epochs) > 0.5 * training.steps
        drawn = "each takes the first batch of a new pass in the same order" if anew else "the batch is drawn once, outside the loop"
        yield Finding(
            message=f"all {training.steps} steps at {place} are on the same {different} samples, while their loader has {size}: "
            f"{drawn}; training loss {level:.2g}, {name} loss {end:.2g}",
            places=(place,),
            evidence=(
                Evidence("train_samples", pair.site.id, None, float(different), "below", 0.5 * size, statistic="number"),
                _ahead(pair, end, worse * level),
            ),
            severity="error",
            confidence=0.9,
            steps=signs.span(training),
            fix=Fix(
                "take a new batch at every step: let the loop run over the loader",
                "for inputs, targets in loader:  # not next(iter(loader))\n    …",
            ),
            source=pair.site.source,
        )
        return


def _fewer_than_held_out(training: Training, total: int, fewer: float, worse: float) -> Iterator[Finding]:
    for pair in trend.pairs(training, passes=3):
        held, losses = max(_held_out_sizes(training, pair.evaluation), default=0.0), trend.finite_passes(pair.evaluation)[1]
        chance, level, end = signs.chance_loss(training, pair.site), float(np.mean(signs.late(pair.training))), _end(pair.evaluation)
        lowest = float(losses.min())
        if not (pair.comparable_levels and len(pair.training) >= 20 and chance > 0):
            continue
        if not (held >= fewer * total and end > worse * level and lowest > 0.5 * chance):
            continue
        place, name = signs.where(pair.site), pair.evaluation.name
        yield Finding(
            message=f"{total} training samples at {place}, of {name} there are {held:.0f}: training loss {level:.2g}, {name} loss "
            f"{end:.2g} and never below {lowest:.2g} (a constant prediction has {chance:.2g}); was the split turned round?",
            places=(place,),
            evidence=(
                Evidence("train_samples", pair.site.id, None, float(total), "below", held / fewer + 1, statistic="number"),
                _ahead(pair, end, worse * level),
            ),
            severity="warning",
            confidence=0.7,
            steps=(int(pair.evaluation.steps[0]), int(pair.evaluation.steps[-1])),
            fix=Fix(
                f"train on the larger part and validate on the smaller; {name} has more samples than the training",
                "train, val = train_test_split(data, test_size=0.2)",
            ),
            source=pair.site.source,
        )
        return


def _held_out_sizes(training: Training, evaluation: EvaluationSet) -> list[float]:
    """Samples in a pass, counted as the network gets them: a loss of sequences counts their elements. None where it is not known,
    or where the loss is that of a part of them (nodes of a graph)."""
    each, rows = signs.typical(training, "samples"), [site.shape[0] for site in training.inputs if site.shape]
    if not rows or not each >= max(rows):
        return []
    return [float(np.median(evaluation.samples)) * max(rows) / each]


def _end(evaluation: EvaluationSet) -> float:
    return float(np.median(trend.finite_passes(evaluation)[1][-3:]))


def _ahead(pair: trend.Pair, end: float, limit: float) -> Evidence:
    seen = (int(pair.evaluation.steps[0]), int(pair.evaluation.steps[-1]))
    return Evidence("evaluation_loss", pair.evaluation.id, seen, end, "above", limit, "loss", "last passes")


def _samples(training: Training) -> int | None:
    loader = training.facts.get("data", {}).get("loader") or {}
    size = loader.get("dataset_size")
    if isinstance(size, int) and size > 0:
        return size
    different = training.facts.get("train_samples")
    if isinstance(different, int):
        return different
    starts, batches = training.epochs, training.series("samples").finite()
    if len(starts) < 2 or not len(batches):
        return None
    first = (batches.steps >= starts[0]) & (batches.steps < starts[1])
    return int(batches.values[first].sum()) if first.any() else None


def _judge(
    training: Training, site: LossSite, evaluation: EvaluationSet, total: int, limit: int, gap: float, best: float
) -> Finding | None:
    losses = evaluation.loss[np.isfinite(evaluation.loss)]
    chance = signs.chance_loss(training, site)
    series = signs.site_loss(training, site)
    level = signs.middle(signs.late(series))
    if not len(losses) or not chance > 0:
        return None
    end, lowest = float(np.median(losses[-3:])), float(losses.min())
    if not end > gap * level or not lowest > best * chance:
        return None
    seen = Evidence("train_samples", site.id, None, float(total), "below", float(limit), statistic="number")
    place = signs.where(site)
    return Finding(
        message=f"{total} training samples at {place}, fewer than {limit}: training loss {level:.2g}, "
        f"{evaluation.name} loss {end:.2g} and never below {lowest:.2g} (a constant prediction has {chance:.2g})",
        places=(place,),
        evidence=(seen,),
        severity="warning",
        confidence=0.7,
        steps=(int(evaluation.steps[0]), int(evaluation.steps[-1])),
        fix=Fix(f"at least {limit} samples, augmentation, a pretrained network or a smaller one"),
        source=site.source,
    )
