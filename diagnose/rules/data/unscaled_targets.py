from __future__ import annotations

from collections.abc import Iterator
from math import isnan, sqrt

from diagnose.finding import Evidence, Finding, Fix, Severity
from diagnose.rules import rule, signs
from diagnose.rules.progress import left_over
from diagnose.run import LossSite, Training


@rule(
    needs=("loss_target_std",),
    symptoms=(
        "loss-not-decreasing",
        "short-memory",
        "underfitting",
        "stopped-too-early",
        "learning-rate-too-low",
        "learning-rate-too-high",
        "exploding-gradients",
        "diverging-loss",
        "oscillating-loss",
        "loss-spikes",
        "constant-output",
        "dead-units",
        "saturated-activations",
        "non-finite-values",
        "clipping-too-hard",
        "wrong-initial-loss",
        "vanishing-gradients",
        "poor-initialization",
    ),
)
def unscaled_targets(
    training: Training, *, size: float = 10.0, missed: float = 0.25, unlearnt: float = 0.5, worse: float = 1.5,
    late: float = 0.25,
) -> Iterator[Finding]:
    """Regression targets are of a size that the outputs have not reached.

    What it does:
        Looks at targets whose root mean square is above `size`. They are a fault where the predictions still miss
        them at the end: their mean by more than `missed` of the targets' root mean square, or their spread is less
        than `missed` of the targets' while more than `unlearnt` of the loss of a constant prediction remains, or the
        loss has become non-finite; where the predictions at the end were not recorded, a loss above `worse` times a
        constant prediction's. Also where the mean was reached, but a twentieth of the steps or more went by before the loss came
        down from three times that constant's to it, and more than `unlearnt` of it is still left, or `late` of the steps whatever
        is left: that is a warning. So are targets whose root mean square is under 1 / `size`, by plain gradient descent, where
        the first loss is over `size` times that of a constant prediction and at the end `unlearnt` to `worse` times that is left.

    Why is this bad:
        A network begins with outputs near 0 to 1 and moves by small steps: with targets of 100,000 it needs ten
        thousands of steps just to reach their mean (Adam moves a bias by its learning rate a step), or, by plain
        gradient descent, takes steps as large as the targets and blows up. With targets of a hundredth it needs the
        training to take back its own first outputs; the errors then left, and with them the gradients, are too small to learn by.

    Fix:
        Train on (y - mean) / standard deviation of the training targets and undo it for reporting.

    Known problems:
        Large targets that were reached all the same (a big learning rate, long training) are not reported. Targets of
        a hand-written loss are unknown. Optimizers that rescale gradients (Adam) can learn small targets: with them nothing
        is said. Where nothing can be learnt of small targets (returns of a share), scaling them will not help.

    Example:
        house prices of 250,000 as targets of `nn.MSELoss()`

    References:
        LeCun et al. 1998, Efficient BackProp, section 4; Bishop 1995, Neural Networks for Pattern Recognition, 8.2.
        10: ten times the scale default initialisations are made for. 0.25: programs with unscaled
        prices ended 0.91 to 0.93 of the targets' size away, a fitted one 0.03. A twentieth: as in unnormalized-inputs.
        A quarter: own choice; no sound program of tests/challenges with targets so large spends a hundredth of its steps so.
        1 / 10: no sound program of tests/challenges has targets so small; density maps of 0.016 began at 343 times a constant's
        loss and ended at 1.13 of it, the same maps times 100 at 0.18.
    """
    if training.kind in ("gan", "reinforcement"):
        return  # targets that move with the networks
    for site in training.training_losses:
        if site.function in signs.REGRESSION:
            yield from _judge(training, site, size, missed, unlearnt, worse, late)
            yield from _small(training, site, size, unlearnt, worse)


def _judge(
    training: Training, site: LossSite, size: float, missed: float, unlearnt: float, worse: float, late: float
) -> Iterator[Finding]:
    mean, spread = signs.typical(training, "loss_target_mean", site.id), signs.target_spread(training, site)
    scale = sqrt(mean**2 + spread**2)
    if isnan(scale) or scale <= size or spread == 0:
        return
    loss = signs.site_loss(training, site)
    left = signs.unlearnt(training, site)
    place = signs.where(site)
    evidence = [_scale(training, site, mean, spread, size)]
    predicted = training.series("loss_input_mean", site.id)
    across, wanted = _spreads(training, site)
    answered = signs.middle(signs.at_end(training, "loss_input_mean", site.id))
    distance = abs(answered - mean) / scale
    severity: Severity = "error"
    if left == float("inf"):
        reached = f"and the loss ended at {float(loss.values[-1])}"
    elif distance > missed:
        evidence.append(
            Evidence(
                "loss_input_mean",
                site.id,
                predicted.span,
                answered,
                "outside",
                _band(mean, missed * scale),
                statistic="median of the last fifth",
            )
        )
        reached = f"and after {training.steps} steps the predictions average {answered:.3g}"
    elif across < missed * wanted and left > unlearnt:
        evidence.append(
            Evidence(
                "loss_input_std_across",
                site.id,
                predicted.span,
                across,
                "below",
                missed * wanted,
                statistic="median of the last fifth",
            )
        )
        reached = f"and after {training.steps} steps the predictions differ by only {across:.3g}"
    elif isnan(answered) and left > worse:  # the end was not looked at, but its loss was recorded
        level, chance = signs.middle(signs.late(loss)), signs.chance_loss(training, site)
        limit = level / left * worse
        evidence.append(
            Evidence(loss.quantity, loss.place, loss.span, level, "above", limit, statistic="median of the last fifth")
        )
        reached = (
            f"and after {training.steps} steps the loss is {level:.3g}, that of a constant prediction {chance:.3g}"
        )
    elif left <= 1 and (slow := signs.steps_to_a_guess(training, site, share=0.05 if left > unlearnt else late)) is not None:
        severity = "warning"
        needed, seen = slow
        evidence.append(seen)
        reached = (
            f"and {needed} of {training.steps} steps went by before the loss came down to that of a constant, "
            f"and {left:.0%} of it is left"
        )
    else:
        return
    yield Finding(
        message=f"targets at {place} are about {mean:.4g} +- {spread:.3g}, {scale:.3g} times the scale a "
        f"network starts with, {reached}",
        places=(place,),
        evidence=tuple(evidence),
        severity=severity,
        confidence=0.93 if severity == "error" else 0.75,
        steps=signs.span(training),
        fix=Fix(
            f"standardise the targets: subtract {mean:.6g} and divide by {spread:.4g} (of the training part), "
            "and undo it for reporting",
            f"y = (y - {mean:.6g}) / {spread:.4g}",
        ),
        source=site.source,
    )


def _small(training: Training, site: LossSite, size: float, unlearnt: float, worse: float) -> Iterator[Finding]:
    """Targets so much smaller than the first outputs that only those were unlearnt."""
    mean, spread = signs.typical(training, "loss_target_mean", site.id), signs.target_spread(training, site)
    scale = sqrt(mean**2 + spread**2)
    chance, loss = signs.chance_loss(training, site), signs.site_loss(training, site).finite()
    if not (0 < scale < 1 / size and spread > 0 and chance > 0 and len(loss)):
        return
    if not training.optimizers or any(optimizer.type != "SGD" for optimizer in training.optimizers):
        return
    first, step = signs.per_sample(training, site, float(loss.values[0])), int(loss.steps[0])
    suffering = left_over(training, unlearnt)
    if suffering is None or first <= size * chance or not signs.unlearnt(training, site) < worse:
        return
    place, factor = signs.where(site), float(f"{1 / spread:.1g}")
    series = training.series("loss_target_std", site.id)
    yield Finding(
        message=f"targets at {place} are about {mean:.2g} +- {spread:.2g}: the first outputs had {first / chance:.3g} times the loss "
        f"of a constant, after {training.steps} steps it is {signs.unlearnt(training, site):.2g} of it, and such errors make tiny steps",
        places=(place,),
        evidence=(
            Evidence("loss_target_std", site.id, series.span, spread, "below", 1 / size, statistic="root mean square"),
            Evidence(loss.quantity, loss.place, (step, step), first, "above", size * chance, "loss", "first"),
            suffering,
        ),
        severity="warning",
        confidence=0.8,
        steps=signs.span(training),
        fix=Fix(
            f"multiply the targets by {factor:g} and divide the predictions by it for reporting",
            f"y = y * {factor:g}",
        ),
        source=site.source,
    )


def _scale(training: Training, site: LossSite, mean: float, spread: float, size: float) -> Evidence:
    if abs(mean) > spread:
        series = training.series("loss_target_mean", site.id)
        limit = size / sqrt(2)
        return Evidence("loss_target_mean", site.id, series.span, mean, "outside", (-limit, limit))
    series = training.series("loss_target_std", site.id)
    return Evidence(
        "loss_target_std", site.id, series.span, spread, "above", size / sqrt(2), statistic="root mean square"
    )


def _band(mean: float, width: float) -> tuple[float, float]:
    return mean - width, mean + width


def _spreads(training: Training, site: LossSite) -> tuple[float, float]:
    """How much the predictions differ across samples at the end, and how much the targets do."""
    across = signs.middle(signs.at_end(training, "loss_input_std_across", site.id))
    return across, signs.typical(training, "loss_target_std_across", site.id)
