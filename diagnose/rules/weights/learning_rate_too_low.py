from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.rules.adversarial.pair import uniform
from diagnose.rules.fed import one_number
from diagnose.rules.progress import (
    beginning,
    ending,
    fastest,
    jitter,
    left_over,
    quiet_median,
    stuck,
    update_ratios,
)
from diagnose.rules.trend import HEALTHY
from diagnose.run import Matrix, Training


@rule(
    needs=("update_norm", "weight_norm", "loss"),
    symptoms=("loss-not-decreasing", "underfitting", "stopped-too-early", "constant-output", "wasted-epochs", "mode-collapse"),
)
def learning_rate_too_low(
    training: Training,
    *,
    ratio: float = 6.5e-4,
    travel: float = 0.2,
    far: float = 1.0,
    unlearnt: float = 0.5,
    rise: float = 1.5,
    small: float = 1e-2,
    alike: float = 0.3,
    min_snapshots: int = 4,
    min_steps: int = 10,
) -> Iterator[Finding]:
    """The steps are so small that the training hardly moves the weights.

    What it does:
        Takes the real change of each weight in a step, relative to its norm. Speaks when even the weight that moves
        most changes less than `ratio` a step (median over the snapshots), all steps together could change it by no
        more than `travel`, and the loss either learns next to nothing or still falls in a straight line; or by no more than
        `far`, and more than `unlearnt` of a constant prediction's loss is left. Of two networks that train against each other: where the
        largest of their first steps are as small, no weight could change by more than `far`, and the generated samples differ by
        less than `alike` of what real ones do. Also where a
        warm-up never ended: the rate rose to the last step, `rise` times within the last half or to less than its
        planned peak over `rise`, while more than `unlearnt` of a constant prediction's loss is left and the last steps still
        change no weight by more than `small`.

    Why is this bad:
        The network ends where it began: most of the time was spent for nothing.

    Fix:
        Multiply the learning rate so that a step changes about one thousandth of a weight. A schedule made for steps is
        stepped after every batch.

    Known problems:
        Fine-tuning moves little on purpose: there the loss is low from the start and nothing is said. Nor where the answers to
        different inputs never differed by more than rounding, or all inputs are one number: no rate mends that. With a warm-up
        the largest steps count, not the first.

    Example:
        `diagnose run tests/challenges/so-44998910/faulty.py`

    References:
        Karpathy, https://cs231n.github.io/neural-networks-3/#ratio (about 1e-3 is right); 1e-4 is the lower limit of
        TheDeepChecker and gradsnitch (GS008), by whom no loss is asked. Of the sound programs of tests/challenges none
        changes its fastest weight by less than 9.3e-4 a step; trainings under a rate a hundred times too small still
        changed it by 2e-4 to 4.6e-4: the limit is the middle. 0.5: what is left where a training has hardly begun, as in
        stopped-too-early. 1.5: a linear warm-up cut off anywhere has risen by 2 in its last half, a rate that is raised on
        purpose in steps has not. Rounding: 1e-6 of the answers' size, ten times what float32 resolves. 1e-2: half
        way between the right size of a step and what is too high. 1: the weights cannot have become others; no sound
        program is under both limits, whatever this one. Adversarial trainings that work change their fastest weight by 9e-3 and
        more; 0.3: as in mode-collapse, which starts as this does where a generator still is as it was drawn.
    """
    if training.steps < min_steps:
        return
    ratios = update_ratios(training)
    yield from _warming(training, ratios, unlearnt, rise, small)
    if len(ratios.steps) < min_snapshots or not ratios.places:
        return
    found = fastest(ratios)
    if found is None or _deaf(training) or one_number(training) is not None:
        return
    place, value = found
    left = left_over(training, unlearnt)
    patient = left is not None or training.kind == "gan"
    if not 0 < value < ratio or value * training.steps > (far if patient else travel):
        return
    if training.kind == "gan":
        if float(quiet_median(np.nanmax(ratios.values[:min_snapshots], axis=1))) >= ratio:
            return  # it came to rest: one of the two had won
        suffering = uniform(training, alike)
    else:
        suffering = stuck(training) or _straight(training) or left
    if suffering is None:
        return
    rates = training.series("learning_rate").finite()
    rate = float(rates.values.max()) if len(rates) else None
    better = float(f"{rate * HEALTHY / value:.0e}") if rate else None
    optimizer = next(iter(training.optimizers), None)
    name = optimizer.type if optimizer else "the optimizer"
    span = (int(ratios.steps[0]), int(ratios.steps[-1]))
    yield Finding(
        message=f"a step changes no weight by more than {value:.1e} of its norm (most at {place}), limit {ratio:g}"
        + (f"; learning rate {rate:g} of {name}" if rate is not None else ""),
        places=(name,),
        evidence=(Evidence("update_norm / weight_norm", place, span, value, "below", ratio, "ratio"), suffering),
        confidence=0.75,
        steps=span,
        fix=Fix(
            f"learning rate {better:g} instead of {rate:g}: then a step changes about a thousandth of a weight"
            if better is not None
            else f"multiply the learning rate by {HEALTHY / value:.0f}",
            f"lr={better:g}" if better is not None else None,
        ),
        source=optimizer.source if optimizer else None,
    )


def _deaf(training: Training, rounding: float = 1e-6) -> bool:
    """Whether the answers to the samples of a batch never differed by more than rounding: no input reaches them."""
    for site in training.training_losses:
        across, spread, mean = (
            training.series(f"loss_input_{name}", site.id).finite().values for name in ("std_across", "std", "mean")
        )
        if not len(across) == len(spread) == len(mean) > 0 or (across > rounding * np.maximum(spread, np.abs(mean))).any():
            return False
    return bool(training.training_losses)


def _warming(training: Training, ratios: Matrix, unlearnt: float, rise: float, small: float) -> Iterator[Finding]:
    """A warm-up that the training did not outlast."""
    late = quiet_median(ratios.values[-5:], axis=0) if ratios.places and len(ratios.steps) else np.empty(0)
    if not (np.isfinite(late).any() and np.nanmax(late) < small):
        return  # not known, or by now too high
    rates = training.series("learning_rate").finite()
    left = max((x for site in training.training_losses if not np.isnan(x := signs.unlearnt(training, site))), default=0.0)
    if len(rates) < 10 or not (np.diff(rates.values) >= 0).all() or not left > unlearnt:
        return
    first, middle, last = (float(rates.values[i]) for i in (0, len(rates) // 2, -1))
    optimizer = next(iter(training.optimizers), None)
    name = optimizer.type if optimizer else "the optimizer"
    peak = optimizer.settings.get("max_lr") if optimizer else None
    if isinstance(peak, float) and last < peak / rise:
        seen = Evidence("learning_rate", None, rates.span, last, "below", peak / rise, statistic="last")
        course = f"of the {peak:g} it was planned to reach"
    elif middle > 0 and last > rise * middle:
        seen = Evidence("learning_rate", None, rates.span, last / middle, "above", rise, "ratio", "last / in the middle")
        course = "and no higher"
    else:
        return
    yield Finding(
        message=f"the learning rate of {name} was still rising at the last step, from {first:.3g} to {last:.3g} {course}: its "
        f"warm-up never ended, and {left:.0%} of what a constant loses is left",
        places=(name,),
        evidence=(seen, Evidence("loss", None, rates.span, left, "above", unlearnt, "share", "last / loss of the best constant")),
        confidence=0.8,
        steps=rates.span,
        fix=Fix(
            f"step the schedule after every batch, or make it for {len(training.epochs) or training.steps} steps in all",
            "scheduler.step()  # inside the loop over batches",
        ),
        source=optimizer.source if optimizer else None,
    )


def _straight(training: Training) -> Evidence | None:
    """The loss fell as fast in the second half as in the first, beyond its noise: it has far to go."""
    series = training.series("loss").finite()
    if len(series) < 8:
        return None
    half = len(series) // 2
    start, middle, end = (
        float(np.median(part))
        for part in (beginning(series).values, series.values[half - 2 : half + 2], ending(series, 0.05).values)
    )
    first, second = start - middle, middle - end
    if first <= 0 or second <= 0.5 * first or second <= 2 * jitter(series.values):
        return None
    return Evidence("loss", None, series.span, second / first, "above", 0.5, "share", "second half's fall / first's")
