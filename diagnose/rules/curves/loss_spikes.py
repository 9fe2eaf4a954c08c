from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL
from diagnose.run import Floats, LossSite, Steps, Training


@rule(needs=("loss",), symptoms=("diverging-loss", "oscillating-loss", "suspicious-validation"))
def loss_spikes(
    training: Training,
    *,
    height: float = 8.0,
    times: float = 3.0,
    material: float = 0.5,
    least: int = 3,
    most: float = 0.02,
    huge: float = 100.0,
    most_huge: float = 0.3,
    thrown: float = 1.5,
    skip: float = 0.1,
    window: int = 51,
    min_steps: int = 200,
) -> Iterator[Finding]:
    """Single steps have a loss far above that of their neighbours.

    What it does:
        Holds each loss after the first `skip` of the steps against the median of the `window` around it. A spike is
        `height` robust standard deviations and `times` the median, and at least `material` of what a constant
        prediction loses. It speaks of `least` spikes or more, as long as they are rare (at most `most` of the steps):
        a note; a warning where one is above twice the loss at the start and they throw the training off: the losses after
        a spike are `thrown` times those before it. Spikes `huge` times the median may be up to
        `most_huge` of the steps and are an error: a few samples then decide the gradient. Batches smaller than usual are
        left out, and losses that weigh classes: there a batch's loss follows how many rare samples it holds.

    Why is this bad:
        A spike in the loss throws the weights off; with Adam the disturbance lasts for hundreds of steps. Spikes at
        the same place of every epoch point at samples that are wrong.

    Fix:
        Clip the gradient; look at the batches of these steps; a longer warm-up or a lower learning rate.

    Known problems:
        Rare, hard samples make spikes in sound trainings with small batches, and with inputs of heavy tails spikes of any
        height; the losses after them are as before, hence a note. 100 lies between the
        highest spike of sound programs in tests/challenges (6 times the median) and what one missing value coded as
        -999 among scaled targets gives (4,000 times).

    Example:
        A batch with a mislabelled unit once an epoch

    References:
        Chowdhery et al. 2022, PaLM, section 5.1 (skip the batches around a spike), https://arxiv.org/abs/2204.02311;
        8 deviations are those of the detectors gradsnitch and runmedic. 100, 0.3 and 1.5 are choices of our own: moved by 30 %
        they change no verdict on tests/challenges.
    """
    if training.kind in LOSS_WITHOUT_LEVEL or training.steps < min_steps:
        return
    series, site = trend.main_loss(training)
    if len(series) < min_steps or series.values.min() < 0 or _weighted(site):
        return
    values = series.values
    local = _running_median(values, window)
    deviation = 1.4826 * _running_median(np.abs(values - local), window)
    start = float(np.median(values[:5]))
    floor = material * trend.reference(training, site, start)
    high = (values > local + height * deviation) & (values > times * local) & (values > floor)
    high[: round(len(values) * skip)] = False
    high &= ~_short_batches(training, series.steps)
    where = np.flatnonzero(high).astype(np.int64)
    enormous = len(where) > 0 and float(np.median(values[where] / np.maximum(local[where], 1e-30))) > huge
    if not least <= len(where) <= (most_huge if enormous else most) * len(values):
        return
    worst = int(where[np.argmax(values[where])])
    ratio = float(values[worst] / max(local[worst], 1e-30))
    period = _period(where, training, series.steps[where])
    place = site.id if site is not None else "loss"
    span = (int(series.steps[where[0]]), int(series.steps[where[-1]]))
    yield Finding(
        message=f"{len(where)} spikes in the loss at {place}, the highest {values[worst]:.3g} "
        f"at step {int(series.steps[worst])}, "
        f"{ratio:.1f} times its neighbours{period}",
        places=(place,),
        evidence=(
            Evidence(series.quantity, series.place, span, ratio, "above", times,
                     "ratio", "largest / median around it"),
        ),
        severity="error" if enormous else "warning" if values[worst] > 2 * start and _after(values, where) > thrown else "note",
        confidence=0.85 if enormous else 0.6,
        steps=span,
        fix=_fix(training, site, enormous),
        source=site.source if site is not None else None,
    )  # fmt: skip


def _after(values: Floats, where: Steps) -> float:
    """The losses after a spike over those before it, the median of all spikes: near 1 where only the batch was odd."""
    calm = np.ones(len(values), bool)
    calm[where] = False
    ratios = []
    for i in where:
        before, after = (values[part][calm[part]] for part in (slice(max(i - 10, 0), i), slice(i + 1, i + 11)))
        if len(before) and len(after):
            ratios.append(float(np.median(after)) / max(float(np.median(before)), 1e-30))
    return float(np.median(ratios)) if ratios else 1.0


def _weighted(site: LossSite | None) -> bool:
    return site is not None and any(site.arguments.get(name) is not None for name in ("weight", "pos_weight"))


def _fix(training: Training, site: LossSite | None, enormous: bool) -> Fix:
    """What to do; for enormous spikes the target that stands farthest from the others is named."""
    if enormous and site is not None:
        centre = signs.typical(training, "loss_target_mean", site.id)
        ends = [training.series(f"loss_target_{end}", site.id).finite().values for end in ("min", "max")]
        far = max((float(e[np.argmax(np.abs(e - centre))]) for e in ends if len(e)), key=lambda v: abs(v - centre), default=None)
        named = f" (a target of {far:.6g} stands far from the others' {centre:.3g})" if far is not None else ""
        return Fix(
            f"leave out or mend the samples of these steps{named}; if they are right, use a loss that bounds their pull",
            "nn.HuberLoss()" if site.function == "mse_loss" else None,
        )
    return Fix(
        "look at the batches of these steps, and clip the gradient before the optimizer's step",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
    )


def _short_batches(training: Training, steps: Steps) -> NDArray[np.bool_]:
    """Which steps had fewer samples than usual: the rest of an epoch has a loss that varies more.

    Between snapshots samples may not have been counted: what is short in one epoch is so at its place in the others.
    """
    samples = training.series("samples").finite()
    if not len(samples):
        return np.zeros(len(steps), bool)
    short = samples.steps[samples.values < 0.9 * np.median(samples.values)]
    starts = np.asarray(training.epochs)
    if len(starts) < 2:
        return np.isin(steps, short)
    places = short - starts[np.searchsorted(starts, short, side="right") - 1]
    return np.isin(steps, short) | np.isin(steps - starts[np.searchsorted(starts, steps, side="right") - 1], places)


def _running_median(values: Floats, window: int) -> Floats:
    """Median of the window around each value, on a grid an eighth of the window wide (the rest in between)."""
    half, stride = window // 2, max(1, window // 8)
    centres = np.arange(0, len(values), stride)
    padded = np.pad(values, half, mode="reflect" if len(values) > half else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)[centres]
    return np.asarray(np.interp(np.arange(len(values)), centres, np.median(windows, axis=1)))


def _period(where: Steps, training: Training, steps: Steps) -> str:
    """Whether the spikes stand at one place of every epoch."""
    starts = np.asarray(training.epochs)
    if len(starts) < 3 or len(where) < 3:
        return ""
    epoch = np.searchsorted(starts, steps, side="right") - 1
    length = float(np.median(np.diff(starts)))
    position = steps - starts[epoch]
    near = np.abs(position - np.median(position)) <= 0.02 * length
    if near.mean() < 0.75 or len(set(epoch)) < 3:
        return ""
    return f", {int(near.sum())} of them {int(np.median(position))} steps into an epoch"
