from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL, jitter
from diagnose.run import LossSite, Series, Training

WORTH = 0.99  # of a constant's loss on held-out data: what is learnt below it holds for new samples


@rule(needs=("loss",), symptoms=("underfitting", "wasted-epochs"))
def loss_not_decreasing(
    training: Training, *, learnt: float = 0.1, tiny: float = 0.02, trend_z: float = 3.09, min_steps: int = 30
) -> Iterator[Finding]:
    """The training loss does not fall.

    What it does:
        Skips the first tenth, takes the means of twenty blocks of the rest, and tests them for a trend (Mann-Kendall,
        one false alarm in a thousand). Without a falling one, or with one that takes off less than `tiny` of what a
        constant prediction loses, it speaks when less than `learnt` of that has been gained. Where that is not known,
        when the level at the end is no lower than the first values, beyond noise under which a fall can be seen, and
        above `tiny` of the largest, and no held-out loss falls. A held-out loss that falls beyond doubt, and under the
        constant's, tells of data in which there is little to learn: then nothing is said.

    Why is this bad:
        The network does not learn. The cause is elsewhere: the gradient, the learning rate, the loss or the data.

    Fix:
        Look at the findings above this one first. Otherwise: can the network learn ten samples by heart?

    Known problems:
        Data in which nothing can be learnt look the same. Losses of adversarial and reinforcement learning have no
        level and are left out, and so are hand-written losses that take both signs.

    Example:
        `diagnose run tests/challenges/so-49433936-constant-weights/faulty.py`

    References:
        Karpathy 2019, http://karpathy.github.io/2019/04/25/recipe/ ("overfit one batch"); Mann 1945, Econometrica
        13:245.
    """
    if training.kind in LOSS_WITHOUT_LEVEL or training.steps < min_steps:
        return
    series, site = trend.main_loss(training)
    if len(series) < min_steps:
        return
    known = site is not None and site.function in trend.NON_NEGATIVE
    if not known and series.values.min() <= 0:
        return
    rest = series.values[len(series) // 10 :]
    means = trend.blocks(rest, 20)
    worth = tiny * trend.reference(training, site, float("inf")) if known else float("inf")
    if trend.kendall(means) < -trend_z and not means[0] - means[-1] < worth < float("inf"):
        return
    late = series.values[-max(5, len(series) // 5) :]
    level = float(np.mean(late))
    found = _against_chance(training, site, series, level, learnt) if known and site is not None else None
    if found is not None:
        chance = trend.reference(training, site, float("nan"))
        begun = level <= trend.A_GUESS * chance and trend.few_steps(training, series.values) is not None
        if begun or trend.generalises(training, WORTH * chance):
            return  # stopped-too-early speaks of what has just begun
    if found is None:
        chance = trend.reference(training, site, float("nan")) if known else float("nan")
        if chance > 0:  # a known yardstick, and the loss is below it
            return
        if trend.generalises(training):
            return
        found = _against_start(series, level, tiny)
    if found is None:
        return
    message, evidence = found
    yield Finding(
        message=message,
        places=(site.id if site is not None else "loss",),
        evidence=(evidence,),
        severity="error",
        confidence=0.8,
        steps=(int(series.steps[0]), int(series.steps[-1])),
        fix=Fix("try to learn ten samples by heart: where that fails it is the model or its training, else the data"),
        source=site.source if site is not None else None,
    )


def _against_chance(
    training: Training, site: LossSite, series: Series, level: float, learnt: float
) -> tuple[str, Evidence] | None:
    chance = trend.reference(training, site, float("nan"))
    limit = (1 - learnt) * chance
    if not chance > 0 or not level > limit:
        return None
    span = (int(series.steps[-max(5, len(series) // 5)]), int(series.steps[-1]))
    message = f"loss at {site.id} stays at {level:.3g}; always answering the same would reach {chance:.3g}"
    return message, Evidence(series.quantity, series.place, span, level, "above", limit, "loss", "mean")


def _against_start(series: Series, level: float, tiny: float) -> tuple[str, Evidence] | None:
    first = series.values[: max(5, len(series) // 20)]
    start = float(np.median(first))
    noise = max(jitter(series.values) / np.sqrt(len(first)), 0.01 * abs(start))
    limit = start - 3 * float(noise)
    if not 0 < limit < level or level <= tiny * float(series.values.max()):
        return None  # under 0: so noisy that no fall could be told
    span = (int(series.steps[0]), int(series.steps[-1]))
    message = f"loss is {level:.3g} at the end of {len(series)} steps, and was {start:.3g} at the start"
    return message, Evidence(series.quantity, series.place, span, level, "above", limit, "loss", "mean")
