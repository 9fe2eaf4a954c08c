from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from diagnose.finding import Comparison, Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import constant_answer, left_over, stuck, unstable
from diagnose.rules.signs import site_loss
from diagnose.rules.weights import first
from diagnose.run import Layer, Parameter, Training

GAINS = {
    "relu": 2**0.5,
    "leaky_relu": 2**0.5,
    "gelu": 2**0.5,
    "silu": 2**0.5,
    "elu": 1.0,
    "tanh": 5 / 3,
    "sigmoid": 1.0,
}
DEFAULT_GAIN = 3**-0.5  # PyTorch's own: known to be small for deep ReLU networks, but not the user's doing


@rule(
    needs=("parameters",),
    symptoms=(
        "unused-parameters", "vanishing-gradients", "saturated-activations", "dead-units", "constant-output",
        "loss-not-decreasing", "underfitting", "wrong-initial-loss", "non-finite-values", "learning-rate-too-low",
        "diverging-loss", "loss-spikes", "stopped-too-early", "wasted-epochs", "input-ignored", "exploding-through-time",
        "clipping-too-hard",
    ),
)  # fmt: skip
def poor_initialization(
    training: Training,
    *,
    factor: float = 2.0,
    change: float = 1e2,
    min_layers: int = 2,
    alone: float = 10.0,
    lasting: float = 0.05,
    left: float = 0.5,
) -> Iterator[Finding]:
    """The weights are drawn too small or too large for the signal to pass.

    What it does:
        Compares each weight's first standard deviation with the one that keeps the size of the signal for the
        activation that follows (gain / √fan_in). Speaks when at least `min_layers` of them are off by more than
        `factor`, or one by more than `alone`, away from PyTorch's own default, in one direction, the signal at the
        first snapshot (its spread over the samples) changes by more than `change` between the first layer and the
        last; or, for too large weights, when the first loss is over twice that of a constant answer, an activation starts
        saturated, or the gradient grows a thousandfold along time; and the training pays for it: the loss is stuck or unstable, or
        it began over twice that of a constant answer and took more than `lasting` of the steps to come down to it or ends with
        more than `left` of it.
        Only warned of: where the loss fares well and `min_layers` weights are off by more than `alone` and lose the signal;
        where most layers are drawn so much too small, and the last one's first outputs differ by less than 1 / `change`; and where
        `min_layers` layers are more than `factor` too large, and more than `left` of a constant's loss remains (where that loss
        is not known, the first one is `change` times the last). So are `min_layers` weights or more drawn with one sign, their mean
        above their standard deviation, where the signal or the first loss shows it and the training pays for it, or where an
        activation starts saturated and is so to the end.

    Why is this bad:
        A signal that shrinks in each layer arrives as a constant, and no gradient comes back; one that grows saturates
        what follows, or overflows. Weights of one sign add up instead of cancelling: n inputs give a sum n times a weight, not √n.

    Fix:
        He initialisation for ReLU, Glorot's for tanh, or normalisation layers. `torch.rand` draws from 0 to 1: centre it.

    Known problems:
        Where normalisation or residual paths carry the signal the size of the weights hardly matters; then the
        measured signal does not change, and nothing is said. PyTorch's default is never blamed, even where a deep
        network would need more: `vanishing-gradients` speaks then.

    Example:
        `diagnose run tests/challenges/at-mnist-uniform-init/faulty.py`

    References:
        He et al. 2015, https://arxiv.org/abs/1502.01852; Glorot & Bengio 2010,
        https://proceedings.mlr.press/v9/glorot10a.html. A factor of two lost in each of seven layers is the hundredth
        that `change` asks for; each sigmoid between takes three quarters at the least besides, however the weights are drawn, of
        which `vanishing-gradients` speaks. 0.05: as in wrong-initial-loss; 0.5: as in stopped-too-early. No sound program of
        tests/challenges draws its weights so and shows such a sign, whatever its loss does: none draws even one layer twice too
        large, and none most of its layers ten times too small. Of one sign: `torch.rand` has a mean of 1.7 standard deviations; in
        no sound program is that of even one weight of one sign above 0.2 (the identity in a recurrent layer).
    """
    one_sided = _one_sided(training, min_layers, change, lasting, left)
    if one_sided is not None:
        yield one_sided
        return
    shown = (first.signal(training, change), first.loss(training), first.saturated(training), first.through_time(training))
    signs = [sign for sign in shown if sign]
    suffering = unstable(training) or stuck(training) or _dearly(training, lasting, left)
    remains = alike = None
    if not signs and len(_layers(_off(training, factor, True))) >= min_layers:
        remains = left_over(training, left)
        said = f"{remains.value:.0%} of what a constant loses is left" if remains else ""
        if remains is None and not any(constant_answer(training, site) > 0 for site in training.training_losses):
            remains = first.dwarfed(training, change)
            said = f"the first loss is {remains.value:.2g}, over {change:g} times the last" if remains else ""
        signs = [replace(remains, statistic=said)] if remains else []
    elif not signs and 2 * len(_layers(_off(training, alone, False, zero=True))) > max(len(_layers(_all(training))), 2 * min_layers - 1):
        alike = first.alike(training, 1 / change)
        signs = [alike] if alike else []
    if not signs:
        return
    too_large = any(sign.comparison == "above" for sign in signs)
    off = _off(training, factor, too_large, zero=alike is not None)
    far = sum(not 1 / alone <= d.gain / d.wanted <= alone for d in off)
    if len(off) < min_layers and not far:
        return
    if suffering is None and remains is None and (far < min_layers or signs[0].quantity != "batch_std"):
        return
    worst = max(off, key=lambda d: abs(np.log(max(d.gain, 1e-30) / d.wanted)))
    parameter, layer, gain, wanted = worst.parameter, worst.layer, worst.gain, worst.wanted
    right = wanted / _fan_in(parameter) ** 0.5
    drawn = parameter.initial["std"]
    place = parameter.layer or parameter.path
    relu = 1.1 < wanted < 1.5
    limit = wanted * factor if too_large else wanted / factor
    comparison: Comparison = "above" if too_large else "below"
    yield Finding(
        message=f"weights of {place} start with a standard deviation of {drawn:.2g}, {drawn / right:.2g} times "
        "what keeps "
        f"the signal ({right:.2g}); {signs[0].statistic}",
        places=tuple(dict.fromkeys([place, *(d.parameter.layer or d.parameter.path for d in off)])),
        evidence=(
            Evidence("initial std × √fan_in", parameter.path, (0, 0), gain, comparison, limit, "gain", "std"),
            *([remains] if remains else [replace(sign, statistic="first") for sign in signs]),
            *([suffering] if suffering else []),
        ),
        severity="error" if suffering else "warning",
        confidence=0.9 if suffering else 0.75,
        steps=(0, max(training.steps - 1, 0)),
        fix=Fix(
            f"draw the weights of {len(off)} layers with a standard deviation of gain / √fan_in ({right:.2g} at "
            f"{place})",
            f'nn.init.kaiming_normal_({parameter.path}, nonlinearity="relu")'
            if relu
            else f"nn.init.xavier_uniform_({parameter.path})",
        ),
        source=(layer.source if layer else None) or parameter.source,
    )


def _one_sided(training: Training, min_layers: int, change: float, lasting: float, left: float) -> Finding | None:
    """Weights drawn with one sign, as by torch.rand, and what comes of them."""
    drawn = [p for p, _ in _weights(training) if _of_one_sign(p)]
    if len(drawn) < min_layers:
        return None
    grown, loss, saturated = first.signal(training, change), first.loss(training), first.saturated(training)
    signs = [sign for sign in (grown, loss, saturated) if sign and sign.comparison == "above"]
    suffering = unstable(training) or stuck(training) or _dearly(training, lasting, left)
    kept = _kept_saturated(training, saturated) if saturated else None
    if not signs or not (suffering or kept):
        return None
    parameter = drawn[0]
    layer = training.layer(parameter.layer)
    place = parameter.layer or parameter.path
    mean, std = float(parameter.initial["mean"]), float(parameter.initial["std"])
    told = saturated or signs[0]
    return Finding(
        message=f"weights of {place} start all {'positive' if mean > 0 else 'negative'} ({mean:.2g} +- {std:.2g}), and so do those of "
        f"{len(drawn) - 1} more: they add up instead of cancelling; {told.statistic}",
        places=tuple(dict.fromkeys(p.layer or p.path for p in drawn)),
        evidence=(
            *(Evidence("initial |mean| / std", p.path, (0, 0), _lean(p), "above", 1.0, "ratio", "mean / std") for p in drawn),
            *(replace(sign, statistic="first") for sign in signs),
            *(e for e in (suffering, kept) if e),
        ),
        severity="error" if suffering else "warning",
        confidence=0.9 if suffering else 0.75,
        steps=(0, max(training.steps - 1, 0)),
        fix=Fix(
            f"draw the weights of {len(drawn)} layers evenly around zero, with a standard deviation of gain / √fan_in",
            f"nn.init.xavier_uniform_({parameter.path})",
        ),
        source=(layer.source if layer else None) or parameter.source,
    )


def _lean(parameter: Parameter) -> float:
    std = float(parameter.initial.get("std", 0.0))
    return abs(float(parameter.initial.get("mean", 0.0))) / std if std > 0 else 0.0


def _of_one_sign(parameter: Parameter) -> bool:
    low, high = (float(parameter.initial.get(side, float("nan"))) for side in ("min", "max"))
    return (low >= 0 or high <= 0) and 1 < _lean(parameter) < 100  # beyond that they are one constant: symmetric-initialization


def _kept_saturated(training: Training, start: Evidence, share: float = 0.5) -> Evidence | None:
    """The activation that started at its flat ends is there over the last tenth of the snapshots too."""
    series = training.series("saturated_share", start.place).measured()
    late = series.values[-max(3, len(series) // 10) :]
    if len(series) < 6 or not late.min() > share:
        return None
    span = (int(series.steps[-len(late)]), int(series.steps[-1]))
    return Evidence("saturated_share", start.place, span, float(late.min()), "above", share, "share", "least of the last tenth")


def _dearly(training: Training, lasting: float, left: float) -> Evidence | None:
    """The first loss was far above that of a constant answer, and the training has not got over it, or not soon."""
    if first.loss(training) is None:
        return None
    for site in training.training_losses:
        constant, series = constant_answer(training, site), site_loss(training, site).finite()
        if not (constant > 0 and len(series)):
            continue
        below = np.flatnonzero(series.values <= constant)
        needed = (int(series.steps[below[0]]) if len(below) else training.steps) / max(training.steps, 1)
        if needed > lasting:
            return Evidence(series.quantity, series.place, series.span, needed, "above", lasting, "share", "steps to come down to a guess")
    return left_over(training, left)


@dataclass(frozen=True)
class _Drawn:
    """A weight, its layer, the gain it was drawn with and the one that keeps the signal."""

    parameter: Parameter
    layer: Layer | None
    gain: float
    wanted: float


def _all(training: Training) -> list[_Drawn]:
    return [_Drawn(p, layer, _gain(p), _wanted(training, layer)) for p, layer in _weights(training)]


def _off(training: Training, factor: float, too_large: bool, *, zero: bool = False) -> list[_Drawn]:
    """The weights that were drawn by hand, more than `factor` too large or too small; with those that are `zero`, or without."""
    drawn = [d for d in _all(training) if d.gain > 0 or (zero and d.gain == 0 and d.parameter.initial.get("mean") == 0)]
    hand = [d for d in drawn if not _is_default(d.parameter, d.layer)]
    return [d for d in hand if ((d.gain / d.wanted > factor) if too_large else (d.gain / d.wanted < 1 / factor))]


def _layers(drawn: list[_Drawn]) -> list[_Drawn]:
    """Those of layers: a parameter of its own (a position, a query) may be drawn as it likes."""
    return [d for d in drawn if d.layer is not None and d.layer.role != "other"]


def _is_default(parameter: Parameter, layer: Layer | None) -> bool:
    """Whether the weights lie as PyTorch draws them."""
    width = layer.settings.get("hidden_size") if layer is not None and layer.role == "recurrent" else None
    fan = width if isinstance(width, int) else _fan_in(parameter)
    return bool(abs(float(parameter.initial.get("std", float("nan"))) * fan**0.5 / DEFAULT_GAIN - 1) < 0.15)


def _fan_in(parameter: Parameter) -> int:
    return parameter.fan_in or max(parameter.size // max(parameter.shape[0], 1), 1)


def _gain(parameter: Parameter) -> float:
    return float(parameter.initial.get("std", float("nan")) * _fan_in(parameter) ** 0.5)


def _weights(training: Training) -> Iterator[tuple[Parameter, Layer | None]]:
    for parameter in training.parameters:
        layer = training.layer(parameter.layer)
        fits = layer is None or layer.role in ("linear", "convolution", "recurrent", "other", "attention")
        if len(parameter.shape) >= 2 and parameter.optimized and fits and parameter.size >= 20:
            yield parameter, layer


def _wanted(training: Training, layer: Layer | None) -> float:
    """The gain for the activation that follows the layer."""
    if layer is None:
        return 1.0
    paths = [other.path for other in training.layers]
    for other in training.layers[paths.index(layer.path) + 1 :]:
        if other.activation in GAINS:
            return GAINS[other.activation]
        if other.parameters and other.role in ("linear", "convolution"):
            break
    return 1.0
