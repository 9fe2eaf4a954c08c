from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import EvaluationSet, LossSite, Training


@rule(needs=("evaluations",), symptoms=("overfitting", "overtraining", "suspicious-validation", "stopped-too-early"))
def too_little_data(
    training: Training,
    *,
    samples_a_class: int = 20,
    samples: int = 100,
    gap: float = 3.0,
    learnt: float = 0.1,
    best: float = 0.2,
    ahead: float = 2.0,
) -> Iterator[Finding]:
    """There are too few samples to learn the task from.

    What it does:
        Counts the training samples. Fewer than `samples_a_class` a class (`samples` for quantities) are too few where
        the network fits them (less than `learnt` of a constant prediction's loss remains) while its validation loss
        is at least `gap` times as high and was never, even at its best, below `best` of a constant prediction's. Where the
        validation never came below half of a constant prediction's they are too few if the training loss did, with `ahead`
        times between them, or, for fewer than half as many samples, whatever the training loss.

    Why is this bad:
        With so few samples the network learns each by heart. Stopping earlier does not help, as it does with
        overfitting: the validation was bad at its best moment too.

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
        tests/challenges would be called, none of which has so few samples and so bad a validation.
    """
    total = _samples(training)
    if total is None or training.kind in ("gan", "reinforcement", "language"):
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
