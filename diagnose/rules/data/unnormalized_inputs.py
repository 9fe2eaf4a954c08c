from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Floats, InputSite, Layer, LossSite, Training

WEIGHTED = ("linear", "convolution", "recurrent", "attention", "normalization", "embedding")
RESOLVED = 1e-6  # of a number: ten times what float32 resolves


@rule(
    needs=("input_std",),
    symptoms=(
        "unused-parameters", "saturated-activations", "overwhelming-regularization",
        "wrong-initial-loss",
        "exploding-gradients",
        "vanishing-gradients",
        "oscillating-loss",
        "loss-not-decreasing",
        "diverging-loss",
        "loss-spikes",
        "underfitting",
        "dead-units",
        "constant-output",
        "learning-rate-too-high",
        "learning-rate-too-low",
        "poor-initialization",
        "stopped-too-early",
        "non-finite-values",
        "clipping-too-hard",
    ),
)
def unnormalized_inputs(
    training: Training,
    *,
    size: float = 10.0,
    column_ratio: float = 100.0,
    tiny: float = 0.02,
    unlearnt: float = 0.5,
    saturated: float = 0.5,
    idle: float = 0.8,
    hidden: float = 1e-3,
    left: float = 0.1,
) -> Iterator[Finding]:
    """The inputs are far from mean 0 and variance 1, and the training suffers.

    What it does:
        Looks at floating-point inputs whose root mean square is above `size`, whose largest column is `column_ratio`
        times the median one, or which never exceed `tiny`. They are a fault where a second sign says so: more than
        `unlearnt` of the loss of a constant prediction remains, the loss became non-finite or fell back to a guess
        only slowly, more than `saturated` of the first sigmoid or tanh is saturated, or, where that constant's loss is not
        known, `idle` of the first loss is left; or a column varies by less than `hidden` of its mean and more than `left` of the
        constant's loss remains. Without one, inputs five
        times above `size` are noted.

    Why is this bad:
        The first layer's outputs and gradients grow with its inputs: sigmoids saturate, and one learning rate can
        not fit a column of 170,000 and another of 0.5. Gradient descent needs as many more steps as the squares of
        the scales differ.

    Fix:
        Subtract each column's mean and divide by its standard deviation, both of the training part; pixels by 255.

    Known problems:
        Scaling inside `forward` is recognised by the first layer's outputs being ten times smaller than such inputs
        make them. A normalisation layer at the input makes their scale harmless, integers go to embeddings: silent.

    Example:
        census columns from 0.1 to 170,000 into `nn.Linear(14, 21)`

    References:
        LeCun et al. 1998, Efficient BackProp, section 4.3. 10: standardised inputs have root mean square 1, and pixels
        of 0..16 (7.7) train well, pixels of 0..255 (60 to 130) with plain gradient descent do not. 0.8: a choice of our own for losses
        without a level; from 0.2 to 0.86 it changes no verdict on tests/challenges. 1e-3: latitudes within a town vary by 1e-4 of
        their mean, temperatures in Kelvin by 3e-2, years by 3e-3; weights as they are drawn make as much of a column's mean as of
        its variation. 0.1: as in short-memory.
    """
    for site in training.inputs:
        if "float" in site.dtype and not _normalised(training, site):
            yield from _judge(training, site, size, column_ratio, tiny, (unlearnt, saturated, idle), (hidden, left))


@dataclass(frozen=True)
class _Scale:
    whole: float  # root mean square of all values
    columns: Floats  # of each column, shape (columns,)
    low: float
    high: float


def _judge(
    training: Training, site: InputSite, size: float, ratio: float, tiny: float, hurting: tuple[float, float, float],
    drowned: tuple[float, float],
) -> Iterator[Finding]:
    scale = _scale(training, site)
    if scale is None:
        return
    deviation = training.series("input_std", site.id)
    usual = float(np.median(scale.columns[scale.columns > 0])) if (scale.columns > 0).any() else scale.whole
    largest = float(scale.columns.max()) if len(scale.columns) else scale.whole
    uneven = len(scale.columns) > 1 and largest > ratio * usual and largest > size
    small = 0 < max(abs(scale.low), abs(scale.high)) < tiny
    if uneven:
        column = int(scale.columns.argmax())
        limit = ratio * usual
        seen = Evidence(
            "feature_std", site.id, deviation.span, largest, "above", limit, statistic="root mean square of a column"
        )
        what = f"column {column} of {site.id} is about {largest:.3g}, the median column {usual:.3g}"
    elif scale.whole > size:
        seen = Evidence("input_std", site.id, deviation.span, scale.whole, "above", size, statistic="root mean square")
        what = (
            f"{site.id} has values from {scale.low:.3g} to {scale.high:.3g}, root mean square "
            f"{scale.whole:.3g} instead of about 1"
        )
    elif small:
        top = max(abs(scale.low), abs(scale.high))
        seen = Evidence("input_max", site.id, deviation.span, top, "below", tiny, statistic="largest magnitude")
        what = (
            f"{site.id} has values from {scale.low:.2g} to {scale.high:.2g}, root mean square "
            f"{scale.whole:.2g} instead of about 1"
        )
    else:
        return
    sign = _second_sign(training, *hurting) or (None if small else _drowned(training, site, *drowned))
    if sign is None and (
        small or max(scale.whole, largest if uneven else 0.0) < 5 * size or _normalised_after(training)
    ):
        return
    hurt, second = sign or ("", None)
    yield Finding(
        message=what + (f", and {hurt}" if hurt else ""),
        places=(site.id,),
        evidence=(seen,) if second is None else (seen, second),
        severity="error" if sign else "note",
        confidence=0.85 if sign else 0.4,
        steps=signs.span(training),
        fix=_fix(scale, uneven),
        source=site.source,
    )


def _scale(training: Training, site: InputSite) -> _Scale | None:
    mean, std = (training.series(f"input_{q}", site.id).finite().values for q in ("mean", "std"))
    low, high = (training.series(f"input_{q}", site.id).finite().values for q in ("min", "max"))
    if not len(mean) or not len(std):
        return None
    whole = sqrt(float(np.median(mean)) ** 2 + float(np.median(std)) ** 2)
    means, stds = (training.series(f"feature_{q}", site.id).values for q in ("mean", "std"))
    columns = np.empty(0)
    if means.ndim == 2 and means.shape == stds.shape and len(means):
        known = np.isfinite(means).any(axis=0) & np.isfinite(stds).any(axis=0)  # of the others a median would warn
        columns = np.zeros(means.shape[1])
        columns[known] = np.sqrt(np.nanmedian(means[:, known], axis=0) ** 2 + np.nanmedian(stds[:, known], axis=0) ** 2)
    return _Scale(whole, columns, float(low.min()) if len(low) else np.nan, float(high.max()) if len(high) else np.nan)


def _second_sign(training: Training, unlearnt: float, saturated: float, idle: float) -> tuple[str, Evidence | None] | None:
    """What shows that the scale hurts, and its evidence; None when nothing does."""
    for layer in training.layers:
        if layer.activation is not None:
            share = training.series("saturated_share", layer.path)
            middle = signs.middle(share.finite().values)
            if middle > saturated and layer.activation in ("sigmoid", "tanh"):
                seen = Evidence("saturated_share", layer.path, share.span, middle, "above", saturated)
                return f"{middle:.0%} of the first activation {layer.path} ({layer.activation}) is saturated", seen
            break
    losses = training.series("loss")
    if signs.lost(training, losses):
        return f"the loss ended at {float(losses.values[-1])}", None
    for site in training.training_losses:
        left = signs.unlearnt(training, site)
        if left > unlearnt and training.kind not in ("gan", "reinforcement", "contrastive"):
            return _remaining(training, site, left, unlearnt)
        slow = signs.steps_to_a_guess(training, site)
        if slow is not None:
            needed, seen = slow
            guess = signs.chance_loss(training, site)
            return f"the loss began at {seen.value:.3g} and needed {needed} steps to come down to a guess ({guess:.3g})", seen
    left, known = signs.loss_drop(training), [signs.chance_loss(training, site) > 0 for site in training.training_losses]
    if not any(known) and left > idle and training.kind not in ("gan", "reinforcement", "contrastive"):
        seen = Evidence("loss", None, losses.span, left, "above", idle, "share", "last / first")
        return f"the loss ended at {left:.0%} of its first level", seen
    return None


def _drowned(training: Training, site: InputSite, hidden: float, left: float) -> tuple[str, Evidence | None] | None:
    """A column that varies so little beside its mean that the first layer can hardly see it: positions within a town."""
    means, stds = (training.series(f"feature_{q}", site.id).finite() for q in ("mean", "std"))
    if means.values.ndim != 2 or means.values.shape != stds.values.shape or not len(means):
        return None
    mean, std = np.abs(np.median(means.values, axis=0)), np.median(stds.values, axis=0)
    varies = (mean > 1) & (std > RESOLVED * mean)  # others are constant
    remains = max((signs.unlearnt(training, one) for one in training.training_losses), default=float("nan"))
    if not varies.any() or not remains > left:
        return None
    ratio = np.where(varies, std / np.maximum(mean, 1e-30), np.inf)
    column = int(np.argmin(ratio))
    if not ratio[column] < hidden:
        return None
    seen = Evidence("feature_std", site.id, stds.span, float(std[column]), "below", hidden * float(mean[column]), statistic="median")
    return f"column {column} varies by {std[column]:.2g} around {mean[column]:.4g}, {remains:.0%} of a constant's loss is left", seen


def _remaining(training: Training, site: LossSite, left: float, unlearnt: float) -> tuple[str, Evidence | None]:
    series, chance = signs.site_loss(training, site), signs.chance_loss(training, site)
    if left == float("inf"):
        return "the loss became non-finite", None
    level = signs.middle(signs.late(series))
    seen = Evidence(
        series.quantity,
        series.place,
        series.span,
        level,
        "above",
        level / left * unlearnt,
        statistic="median of the last fifth",
    )
    return f"the loss ended at {level:.3g}, a constant prediction has {chance:.3g}", seen


def _first(training: Training, site: InputSite) -> list[Layer]:
    """The first layers with weights of the input's network, in forward order; the one that takes the input first."""
    layers = [la for la in training.layers if la.role in WEIGHTED and (not la.network or la.network == site.network)]
    taking = [la for la in layers if la.input_shape is not None and la.input_shape[1:] == site.shape[1:]]
    return layers[layers.index(taking[0]) :] if taking else layers


def _normalised(training: Training, site: InputSite) -> bool:
    """Whether a normalisation or an embedding takes the input, or `forward` scales it before its first layer."""
    layers = _first(training, site)
    if not layers:
        return False
    first = layers[0]
    if first.role == "normalization" and first.input_shape is not None and prod(first.input_shape[1:]) != prod(site.shape[1:]):
        return False  # parameters of the network's own took the input before it came here
    if first.role in ("normalization", "embedding"):
        return True
    if first.role in ("recurrent", "attention"):  # what they put out is bounded, whatever comes in
        return False
    scale = _scale(training, site)
    output_mean, output_std = (training.series(f"output_{q}", first.path).finite().values for q in ("mean", "std"))
    weights = (training.parameter(path) for path in first.parameters)
    weight = next((w for w in weights if w is not None and len(w.shape) > 1 and w.fan_in), None)
    if scale is None or weight is None or "std" not in weight.initial or not len(output_mean) or not len(output_std):
        return False
    size = sqrt(weight.initial["std"] ** 2 + weight.initial.get("mean", 0.0) ** 2)
    expected = sqrt(weight.fan_in or 1) * size * scale.whole
    return scale.whole > 1 and sqrt(output_mean[0] ** 2 + output_std[0] ** 2) < expected / 10


def _normalised_after(training: Training) -> bool:
    """Whether the second layer with weights is a normalisation, which takes the scale out again."""
    layers = [layer for layer in training.layers if layer.role in WEIGHTED]
    return len(layers) > 1 and layers[1].role == "normalization"


def _fix(scale: _Scale, uneven: bool) -> Fix:
    if not uneven and scale.low >= 0 and 100 < scale.high <= 255:
        return Fix("divide the pixels by 255, or standardise them", "x = x / 255")
    text = "standardise each column by the mean and standard deviation of the training part"
    return Fix(text, "mean, std = x_train.mean(dim=0), x_train.std(dim=0)\nx = (x - mean) / std.clamp(min=1e-8)")
