from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix, Severity
from diagnose.rules import rule
from diagnose.rules.clipping import RESCALING, clips_nothing, of_parameters
from diagnose.rules.progress import (
    LOSS_WITHOUT_LEVEL,
    beginning,
    constant_answer,
    jitter,
    quiet_median,
    rolling_median,
    stuck,
    unstable,
    update_ratios,
)
from diagnose.rules.reach import EXPLODED, reaches
from diagnose.rules.signs import site_loss
from diagnose.rules.trend import fall, main_loss, maximised
from diagnose.run import Floats, Matrix, Training

HELD = 5  # snapshots in a row that a large change must last
MEMORY = 10  # steps that a momentum of 0.9 averages over
HEALTHY = 1e-2  # ‖Δw‖ / ‖w‖ at which fresh networks learn fast; 1e-3 is the rule of thumb for later


@rule(
    needs=("update_norm", "weight_norm", "loss"),
    symptoms=(
        "unused-parameters", "diverging-loss", "oscillating-loss", "loss-spikes", "loss-not-decreasing", "exploding-gradients", "dead-units",
        "saturated-activations", "constant-output", "underfitting", "non-finite-values", "vanishing-gradients",
        "stopped-too-early", "overtraining", "wasted-epochs", "exploding-through-time", "attention-collapse", "short-memory",
        "clipping-too-hard", "suspicious-validation", "input-ignored",
    ),
)  # fmt: skip
def learning_rate_too_high(
    training: Training,
    *,
    ratio: float = 0.1,
    leap: float = 1.0,
    stall: float = 3.0,
    hopeless: float = 100.0,
    window: float = 0.25,
    jump: float = 3.0,
    flung: float = 2.0,
    lasting: float = 0.05,
    min_snapshots: int = 4,
) -> Iterator[Finding]:
    """Each step changes the weights so much that what was learnt is lost.

    What it does:
        Takes the real change of each weight relative to its norm (‖Δw‖ / ‖w‖) in the first `window` of the training
        and speaks when its median over the weights stays above `ratio` for some snapshots, or one step's is above
        `leap` (it replaced the weights by something so large that later steps look small beside it), and the training
        suffers: the loss ends non-finite, above where it began, or far above its best; it jumped to `jump` times its
        first value (or a constant's, if that is more) for a few steps after the first and never came to rest; or
        it is stuck at what a constant answers, after it rose at first, after changes of `stall` times the limit (a loss that
        settles there smoothly has other reasons), or after a layer of units that were alive fell silent; or steps `stall` times
        the limit go on to the end and the loss has not fallen in the last half. A warning where the loss jumped to `flung`
        times its first value and took more than `lasting` of the steps to come back to it, or such a layer fell silent and the
        loss falls without it. A first loss `hopeless` times that of a constant answer is not the learning rate's doing, nor is
        a loss whose negative goes backward, nor are steps that became large only when the gradient had exploded on its way back
        through time (`exploding-through-time`), or that would not have been, had the clipping been given the gradients
        (`exploding-gradients`): then nothing is said.

    Why is this bad:
        A step that changes a tenth of a weight leaves the region for which the gradient was computed.

    Fix:
        Divide the learning rate by as much as the measured change exceeds one in a hundred, with a warm-up where the
        first steps are the worst.

    Known problems:
        Large changes alone are no fault: small networks with large learning rates do train. Weights that start at zero
        are left out, for their relative change has no meaning.

    Example:
        `diagnose run tests/challenges/pt-lr-1000x/faulty.py`

    References:
        A change of one in a thousand is Karpathy's rule of thumb (https://cs231n.github.io/neural-networks-3/#ratio);
        TheDeepChecker (Ben Braiek & Khomh 2023) alarms above one in ten, the limit here. Of the sound programs of
        tests/challenges none changes its weights by more than 0.05 a step in the last third of its snapshots, and of those
        that begin above the limit one brings its loss to twice the first value (2.6 times, for under 2 % of the steps), another
        stays above the first value for 13 % of them (by 1.3 times at most); rates a hundred and a thousand times too high do
        both in 18 of 24 trainings. 0.05: as in wrong-initial-loss.
    """
    ratios = update_ratios(training)
    if len(ratios.steps) < min_snapshots or not ratios.places:
        return
    over_places = quiet_median(ratios.values, axis=1)
    early = ratios.steps <= max(window * training.steps, ratios.steps[min(min_snapshots, len(ratios.steps)) - 1])
    seen = over_places[early & np.isfinite(over_places)]
    if len(seen) < 2:
        return
    value, limit = float(rolling_median(seen, HELD).max()), ratio
    if not value > ratio:
        value, limit = float(np.max(seen)), leap
        if not value > leap:
            return
    if maximised(training) is not None or _hopeless(training, hopeless) or _exploded_through_time(training, ratios, ratio, leap):
        return
    if _unclipped(training, ratios, ratio, leap):
        return
    suffering = unstable(training) or _jumped(training, jump)
    suffering = suffering or _stuck_after(training, value > stall * ratio) or (_died(training) if stuck(training) else None)
    suffering = suffering or _never_settled(training, over_places, stall * ratio)
    severity: Severity = "error" if suffering is not None else "warning"
    suffering = suffering or _flung(training, flung, lasting) or _died(training)
    if suffering is None:
        return
    rates = training.series("learning_rate").finite()
    rate = float(rates.values[: max(3, len(rates) // 4)].max()) if len(rates) else None
    better = float(f"{rate * HEALTHY / value:.0e}") if rate is not None else None
    per_place = quiet_median(ratios.values[early], axis=0)
    worst = ratios.places[int(np.nanargmax(per_place))]
    span = (int(ratios.steps[0]), int(ratios.steps[early][-1]))
    optimizer = next(iter(training.optimizers), None)
    name = optimizer.type if optimizer else "the optimizer"
    yield Finding(
        message=f"{'each step changes' if limit == ratio else 'a step changed'} the weights by {value:.2g} of "
        f"their norm (most at {worst}), limit {limit:g}"
        + (f"; learning rate {rate:g} of {name}" if rate is not None else ""),
        places=(name,),
        evidence=(
            Evidence(
                "update_norm / weight_norm",
                worst,
                span,
                value,
                "above",
                limit,
                "ratio",
                "median" if limit == ratio else "max",
            ),
            suffering,
        ),
        severity=severity,
        confidence=0.9 if severity == "error" else 0.75,
        steps=(int(ratios.steps[0]), max(training.steps - 1, span[1])),
        fix=Fix(
            f"learning rate {better:g} instead of {rate:g}: then a step changes about {HEALTHY:.0%} of a weight"
            if better is not None
            else f"divide the learning rate by {value / HEALTHY:.0f}",
            f"lr={better:g}" if better is not None else None,
        ),
        source=optimizer.source if optimizer else None,
    )


def _hopeless(training: Training, times: float) -> bool:
    """Whether the first loss, before any step, was already so far above a constant answer that no step is to blame."""
    for site in training.training_losses:
        constant, series = constant_answer(training, site), site_loss(training, site)
        if len(series) and constant > 0 and series.steps[0] == 0 and not series.values[0] <= times * constant:
            return True
    return False


def _exploded_through_time(training: Training, ratios: Matrix, ratio: float, leap: float) -> bool:
    """Whether a recurrent layer's gradient exploded along time before the steps were large: they follow from it."""
    for reach in reaches(training):
        over = reach.early.max(axis=1) > EXPLODED
        if over.any() and not _large_before(ratios, int(reach.steps[int(np.argmax(over))]), ratio, leap):
            return True
    return False


def _unclipped(training: Training, ratios: Matrix, ratio: float, leap: float) -> bool:
    """Whether no step would have been large, had the clipping been given the gradients (`exploding-gradients`)."""
    limits = training.series("clip_limit").finite().values
    rescaled = any(optimizer.type in RESCALING for optimizer in training.optimizers)
    if not len(limits) or rescaled or clips_nothing(training) is None:
        return False
    norm = of_parameters(training)
    _, here, there = np.intersect1d(ratios.steps, norm.steps, return_indices=True)
    sizes = norm.values[there]
    recent = np.array([sizes[max(0, at - MEMORY + 1) : at + 1].max() for at in range(len(sizes))])
    cut = np.minimum(1.0, float(np.median(limits)) / recent)
    return not _large(quiet_median(ratios.values[here], axis=1) * cut, ratio, leap)


def _large_before(ratios: Matrix, step: int, ratio: float, leap: float) -> bool:
    """Whether the steps before this one were large already."""
    return _large(quiet_median(ratios.values[ratios.steps < step], axis=1), ratio, leap)


def _large(changes: Floats, ratio: float, leap: float) -> bool:
    """Whether some changes in a row, or a single one, were large."""
    known = changes[np.isfinite(changes)]
    held = len(known) >= HELD and float(rolling_median(known, HELD).max()) > ratio
    return held or bool((known > leap).any())


def _stuck_after(training: Training, violent: bool) -> Evidence | None:
    """The loss is stuck, and the steps are to blame: they were violent, or the loss rose after the first ones."""
    evidence, series = stuck(training), training.series("loss").finite()
    if evidence is None or violent:
        return evidence
    early = beginning(series, 0.25).values
    rose = len(early) > 1 and float(np.max(early[1:])) > 1.3 * abs(float(early[0])) + 3 * jitter(series.values)
    return evidence if rose else None


def _died(training: Training) -> Evidence | None:
    """A layer whose units were alive at first is silent now: the steps killed it."""
    for place in training.places("dead_share"):
        dead, zero = training.series("dead_share", place).finite(), training.series("zero_share", place).finite()
        if len(dead) > HELD and len(zero) and zero.values[0] < 0.75 and (dead.values[-2:] > 0.9).all():
            return Evidence("dead_share", place, dead.span, float(dead.values[-1]), "above", 0.9, "share", "last")
    return None


def _never_settled(training: Training, changes: Floats, ratio: float) -> Evidence | None:
    """The last steps are as large as the first, and for half of the training the loss has not fallen."""
    known = changes[np.isfinite(changes)]
    late = float(np.median(known[-max(3, len(known) // 3) :])) if len(known) else 0.0
    series, _ = main_loss(training)
    course = fall(series) if late > ratio and training.kind not in LOSS_WITHOUT_LEVEL else None
    if course is None or course.gain > 0:
        return None
    return Evidence("update_norm / weight_norm", None, course.span, late, "above", ratio, "ratio", "median of the last third")


def _jumped(training: Training, jump: float) -> Evidence | None:
    """The loss rose far above its first value after the first steps, and stayed restless to the end."""
    peak, series = _peak(training, jump), training.series("loss").finite()
    if peak is None:
        return None
    start, late = _start(training), series.values[-max(10, len(series) // 5) :]
    restless = float(np.quantile(late, 0.9)) > 0.5 * start or float(np.std(late)) > 0.5 * float(np.mean(late))
    return peak if restless else None


def _flung(training: Training, times: float, lasting: float) -> Evidence | None:
    """The loss rose so high that it took many steps to come back to where it had begun."""
    series = training.series("loss").finite()
    over = series.steps[series.values > _start(training)]
    return _peak(training, times) if len(over) > lasting * len(series) else None


def _start(training: Training) -> float:
    """The first loss; of few samples it may be small by chance, where a constant's is known no smaller than that."""
    first, sites = training.series("loss").finite().values[:1], training.training_losses
    constant = constant_answer(training, sites[0]) if len(sites) == 1 and sites[0].weight in (None, 1) else 0.0
    return max([*(float(value) for value in first), constant if constant > 0 else 0.0])


def _peak(training: Training, times: float) -> Evidence | None:
    """The loss rose to so many times its first value in the first quarter."""
    series = training.series("loss").finite()
    if len(series) < 20 or not series.values[0] > 0:
        return None
    start, early = _start(training), beginning(series, 0.25)
    peak = float(rolling_median(early.values, HELD).max())
    seen = Evidence("loss", None, early.span, peak, "above", times * start, "loss", f"max of medians of {HELD}")
    return seen if peak > times * start else None
