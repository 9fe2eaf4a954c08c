from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import stuck, trained_weights
from diagnose.run import Layer, Series, Training

SLOPELESS = ("relu", "relu6", "hardtanh", "threshold", "hardswish")  # exactly zero, and no slope, on one side


@rule(
    needs=("dead_share",),
    symptoms=(
        "unused-parameters", "vanishing-gradients", "constant-output", "loss-not-decreasing", "underfitting",
        "learning-rate-too-low", "stopped-too-early", "wasted-epochs", "input-ignored",
        "class-imbalance",
    ),
)  # fmt: skip
def dead_units(
    training: Training,
    *,
    share: float = 0.5,
    most: float = 0.9,
    alone: float = 0.85,
    all: float = 0.99,
    faded: float = 1e-3,
    min_snapshots: int = 2,
    min_units: int = 2,
) -> Iterator[Finding]:
    """Units are silent for every input, and get no gradient to come back.

    What it does:
        Reads which units of a ReLU-like layer were zero for every sample of every batch in a window of several
        snapshots. A layer of which more than `alone` is dead to the end is a warning whatever the loss. While the loss
        learns next to nothing, more than `share` of a layer is a warning, more than `most` an error. Where no layer is
        dead as a whole, and some layer's gradient was under `faded` of the largest at the first snapshot already, the
        signal had died before the units did: that is told by vanishing-gradients.

    Why is this bad:
        Where a ReLU puts out zero its slope is zero too: the unit's weights get no gradient any more. A layer that is
        dead as a whole cuts off all that lies before it.

    Fix:
        A lower learning rate, He initialisation, wider layers, or an activation with a slope below zero (LeakyReLU,
        GELU).

    Known problems:
        A few dead units, and sparse activity, are ordinary: zeros in single batches are not counted. A dead layer
        beside a residual path does less harm than is said.

    Example:
        `diagnose run demos/feedforward.py --problem dead-units`

    References:
        Lu et al. 2019, Dying ReLU and initialization, https://arxiv.org/abs/1903.06733. The share is that of SageMaker
        Debugger's rule for dead units; units are followed over many batches because pooled zeros raise false alarms on
        a third of healthy networks (measured on the published results of DeepDiagnosis). 0.85: in no sound program of
        tests/challenges more than 0.75 of a layer is dead at the end; where the loss fell all the same, faulty ones have
        0.88 and 0.92. 1e-3: the limit of vanishing-gradients.
    """
    suffering = stuck(training)
    dead: list[tuple[Layer, Series, float]] = []
    for place in training.places("dead_share"):
        layer = training.layer(place.split("#", 1)[0])
        series = training.series("dead_share", place).measured()
        if layer is None or len(series) < min_snapshots or _units(layer) < min_units:
            continue
        if layer.activation is not None and layer.activation not in SLOPELESS:
            continue
        late = float(np.min(series.values[-min_snapshots:]))  # held: each of the last observations
        if late > alone or (suffering is not None and late > share):
            dead.append((layer, series, late))
    worst = max((late for _, _, late in dead), default=0.0)
    if dead and worst <= most and _faded_before(training, faded):
        return
    for layer, series, late in dead:
        if worst > all >= late:
            continue  # what the dead layer does to the others is no news
        limit = all if late > all else share if suffering is not None else alone
        over = series.values > limit
        since = int(series.steps[len(over) - int(np.argmin(over[::-1]))]) if not over.all() else int(series.steps[0])
        evidence = [
            Evidence("dead_share", series.place, (since, int(series.steps[-1])), late, "above", limit, "share", "last")
        ]
        if suffering is not None:
            evidence.append(suffering)
        units = _units(layer)
        rate = training.series("learning_rate").finite()
        yield Finding(
            message=f"{late:.0%} of the {units} units of {layer.path} ({layer.type}) have been silent for every sample "
            f"since step {since}, limit {limit:.0%}",
            places=(layer.path,),
            evidence=tuple(evidence),
            severity="error" if late > most and suffering is not None else "warning",
            confidence=0.93 if late > most and suffering is not None else 0.7,
            steps=(since, int(series.steps[-1])),
            fix=Fix(
                f"give {layer.path} a slope below zero"
                + (f", or lower the learning rate (now {rate.values[0]:g})" if len(rate) and since > 0 else "")
                + (f"; {units} units are few: a layer this narrow dies easily" if units < 16 else ""),
                "nn.LeakyReLU(0.01)" if not layer.functional else "F.leaky_relu(x, 0.01)",
            ),
            source=layer.source,
        )


def _faded_before(training: Training, faded: float) -> bool:
    first = training.matrix("gradient_norm", trained_weights(training, quantity="gradient_norm")).values[:1]
    return bool(np.isfinite(first).any() and np.nanmin(first) <= faded * np.nanmax(first))


def _units(layer: Layer) -> int:
    """Features of a flat output, channels of an image."""
    shape = layer.shape or ()
    if len(shape) == 4 or len(shape) == 5:
        return shape[1]
    return shape[-1] if len(shape) >= 2 else 0
