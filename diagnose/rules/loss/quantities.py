"""Errors of quantities whose targets are none, or are mostly one: for `wrong-loss-for-task`, which says what its limits are."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import signs
from diagnose.run import LossSite, Training


def labels_as_numbers(
    training: Training, site: LossSite, learnt: float, digits_learnt: float, most_classes: int, off: float
) -> Iterator[Finding]:
    """A squared or absolute error of class labels: one-hot rows, or whole numbers from 0 or 1 on in equal shares."""
    whole = training.series("loss_target_integer_share", site.id).finite()
    low, high = (
        training.series("loss_target_min", site.id).finite(),
        training.series("loss_target_max", site.id).finite(),
    )
    means = training.series("loss_target_mean", site.id).finite()
    if not len(whole) or whole.values.min() < 1 or not len(low) or not len(high) or not len(means):
        return
    lowest, highest = float(low.values.min()), float(high.values.max())
    width = site.input_shape[-1] if site.input_shape and len(site.input_shape) > 1 else 1
    mean, spread = float(means.values.mean()), signs.target_spread(training, site)
    count = round(highest - lowest) + 1
    one_hot = (
        (lowest, highest) == (0.0, 1.0)
        and width > 1
        and site.target_shape == site.input_shape
        and float(abs(means.values - 1 / width).max()) < 1e-4
    )
    if one_hot:
        what, count = f"one-hot rows of {width} classes", width
    elif lowest in (0.0, 1.0) and width == 1 and 2 <= count <= most_classes and _balanced(mean - lowest, spread, count):
        what = f"whole numbers {lowest:.0f} to {highest:.0f} in equal shares, as class labels are"
    else:
        return
    left = signs.unlearnt(training, site)
    if not one_hot and lowest == 0 and count > 5:
        learnt = digits_learnt  # ratings begin at 1, and few have more than five steps: these are labels
    rounded = left * signs.chance_loss(training, site) > off**2
    bad = left > learnt or (not one_hot and lowest == 0 and count > 2 and site.function == "mse_loss" and rounded)
    if left == float("inf"):
        return  # it diverged, which no choice of the loss explains: a squared error on labels is as bounded as any
    if not bad and not (one_hot or count == 2):
        return  # a good fit of ratings or counts: a regression
    place = signs.where(site)
    evidence = [Evidence("loss_target_integer_share", site.id, whole.span, 1.0, "equal", 1.0, statistic="min")]
    loss = signs.site_loss(training, site)
    if bad:
        level = left * signs.chance_loss(training, site)
        evidence.append(
            Evidence(
                loss.quantity,
                loss.place,
                loss.span,
                level,
                "above",
                level / left * learnt if left > learnt else off**2,
                statistic="median of the last fifth",
            )
        )
    remains = f", and {min(left, 9.99):.0%} of the loss of a constant prediction remains" if bad else ""
    if count == 2 and not one_hot:
        fix = Fix(
            "two classes: one output unit without activation and binary_cross_entropy_with_logits",
            "loss = F.binary_cross_entropy_with_logits(output, target)",
        )
    else:
        fix = Fix(
            f"{count} classes: {count} output units without activation and cross_entropy with integer labels",
            "loss = F.cross_entropy(output, target.argmax(1))"
            if one_hot
            else "loss = F.cross_entropy(output, target.long())",
        )
    yield Finding(
        message=f"{site.function} at {place} is given {what}{remains}",
        places=(place,),
        evidence=tuple(evidence),
        severity="error" if left > 0.8 else "warning" if bad else "note",
        confidence=(0.8 if one_hot else 0.65) if bad else 0.4,
        steps=signs.span(training),
        fix=fix,
        source=site.source,
    )


def median_answered(training: Training, site: LossSite, flat: float, skewed: float) -> Iterator[Finding]:
    """An absolute error of targets most of which are equal: that value is the best answer to everything."""
    if site.function != "l1_loss" or not signs.nearest(site, signs.LINEAR):
        return
    answers = signs.at_end(training, "loss_input_mean", site.id)
    apart = signs.middle(signs.at_end(training, "loss_input_std_across", site.id))
    low, spread = signs.typical(training, "loss_target_min", site.id), signs.target_spread(training, site)
    mean = signs.middle(training.series("loss_target_mean", site.id).finite().values)
    if not len(answers) or not 0 < mean - low < skewed * spread:
        return
    if not (float(abs(answers - low).max()) < flat * spread and apart < flat * spread):
        return
    place = signs.where(site)
    yield Finding(
        message=f"every answer of {place} has become {low:.3g}, the smallest target: the absolute error is least at the median, "
        f"and more than half of the targets are {low:.3g}, while their mean is {mean:.3g}",
        places=(place,),
        evidence=(
            Evidence(
                "loss_input_mean", site.id, signs.span(training), signs.middle(answers), "within",
                (low - flat * spread, low + flat * spread), statistic="median of the last fifth",
            ),
        ),
        severity="error",
        confidence=0.8,
        steps=signs.span(training),
        fix=Fix("a loss that is least at the mean: the squared error, or for counts the Poisson loss", "loss = F.mse_loss(output, target)"),
        source=site.source,
    )


def _balanced(mean: float, spread: float, count: int) -> bool:
    """Whether whole numbers 0..count-1 come in about equal shares: counts and ages are skewed or peaked instead."""
    even = sqrt((count**2 - 1) / 12)
    return abs(mean - (count - 1) / 2) < 0.2 * even and abs(spread / even - 1) < 0.15
