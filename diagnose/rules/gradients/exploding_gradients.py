from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.clipping import clips_nothing, of_parameters
from diagnose.rules.depth import depths
from diagnose.rules.progress import stuck, unstable
from diagnose.rules.reach import EXPLODED, reaches
from diagnose.rules.trend import maximised
from diagnose.run import Layer, Series, Training


@rule(
    needs=("gradient_norm",),
    symptoms=(
        "non-finite-values", "diverging-loss", "oscillating-loss", "loss-spikes", "loss-not-decreasing", "underfitting",
        "constant-output", "dead-units", "saturated-activations",
    ),
)  # fmt: skip
def exploding_gradients(
    training: Training, *, growth: float = 100.0, depth_ratio: float = 1e3, min_snapshots: int = 5, few: int = 3
) -> Iterator[Finding]:
    """Gradients grow out of proportion, along the depth or along the training.

    What it does:
        Speaks when the loss is unstable (it ends non-finite, or lost most of what it had gained) or stuck, and either the
        gradient along time (as `exploding-through-time` takes it) exploded and the loss ended non-finite, or the norm of
        all gradients grew `growth` times over its first level and stayed there, or the gradient in the first third of the
        layers (of the weights, or per element of the outputs) is `depth_ratio` times that of the last layer. Where the loss
        is non-finite after fewer than `min_snapshots` steps, `few` norms are enough. Where the program clips at each step
        and what it clips never has a gradient, one that is `growth` times the usual is enough, and the message says so.

    Why is this bad:
        One step along such a gradient throws the weights far from where they were: the loss jumps, or becomes nan.

    Fix:
        Clip the gradient norm, lower the learning rate, or initialise so that each layer keeps the size of its input.

    Known problems:
        A large norm alone is no fault (it scales with the loss): without a suffering loss nothing is said. Where the
        program clips, the norm before clipping is judged, or that of the parameters' gradients where what it clips never had any.

    Example:
        `diagnose run demos/feedforward.py --problem exploding-gradients`

    References:
        Pascanu et al. 2013, https://arxiv.org/abs/1211.5063. AutoTrainer (Zhang et al. 2021) uses 70 between first and
        last layer without a look at the loss; the larger ratio leaves room for wide first layers. A norm that is not
        finite counts where it had grown by the root of `growth` before (own choice): explosions had grown by 1e10 and more.
        3: the first norm and two that grow; where nothing is measured after the third there is no more to wait for.
    """
    if maximised(training) is not None:
        return  # they grow with the loss, and not by themselves
    suffering = unstable(training) or stuck(training)
    if suffering is None:
        return
    norm = total_norm(training)
    idle = clips_nothing(training)
    least = few if _lost_at_once(training, min_snapshots) else min_snapshots
    grown = _growth(norm, growth, least) or (_spike(norm, growth, min_snapshots) if idle is not None else None)
    steep = _depth(training, depth_ratio, min_snapshots)
    shown = steep or grown
    if shown is None:
        yield from _along_time(training, suffering)
        return
    message = (
        f"gradient norm grew to {shown.value:.2g} times its {'first' if shown.statistic == 'max' else 'usual'} level, limit {growth:g}"
        if shown is grown
        else f"gradient at {shown.place} is {shown.value:.2g} times that of the last layers, limit {depth_ratio:g}"
    )
    if shown is steep:
        idle = None
    if idle is not None:
        calls = training.series("clip_norm").values
        message = f"clip_grad_norm_ found no gradient to clip in {(calls == 0).sum()} of {len(calls)} steps, and the {message}"
    source = next((o.source for o in training.optimizers if o.source is not None), None)
    layer = training.layer(steep.place or "") if steep is not None else None
    if layer is not None and layer.source is not None:
        source = layer.source
    yield Finding(
        message=message,
        places=(shown.place,) if shown.place else (training.networks[:1] or ("loss",)),
        evidence=tuple(e for e in (grown, steep, idle, suffering) if e is not None),
        confidence=0.93 if shown is steep or idle is not None else 0.8,
        steps=shown.steps,
        fix=_fix_depth() if shown is steep else _fix_clipping(training) if idle is not None else _fix(norm, training),
        source=source,
    )


def _along_time(training: Training, suffering: Evidence) -> Iterator[Finding]:
    """A gradient that grows along time, where the loss became non-finite: one look at it may be all there is.

    What explodes along time and can be lived with is `exploding-through-time`, which also names it here.
    """
    losses = training.series("loss").values
    if not len(losses) or np.isfinite(losses[-1]):
        return
    for reach in reaches(training):
        far = reach.early.max(axis=1)
        if not (over := far[far > EXPLODED]).size:
            continue
        span = int(reach.steps[0]), int(reach.steps[-1])
        value = float(np.median(over))
        yield Finding(
            message=f"gradients explode on their way back through time: at the first inputs of {reach.place} they are {value:.2g} times "
            f"those at the newest, limit {EXPLODED:g}, and the loss is lost",
            places=(reach.place,),
            evidence=(Evidence(reach.quantity, reach.place, span, value, "above", EXPLODED, "ratio"), suffering),
            confidence=0.75,
            steps=span,
            fix=Fix(
                "clip the gradient norm before each step, and draw the recurrent weights smaller or orthogonal",
                "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
            ),
            source=reach.layer.source if reach.layer is not None else None,
        )
        return


def total_norm(training: Training) -> Series:
    """Norm of all gradients before clipping: as the clip call saw it, else from the norms of the parameters."""
    clipped = training.series("clip_norm").measured()
    return clipped if len(clipped) and clips_nothing(training) is None else of_parameters(training)


def _lost_at_once(training: Training, min_snapshots: int) -> bool:
    """Whether the loss was non-finite before enough could be seen."""
    losses = training.series("loss").values
    finite = np.isfinite(losses)
    return bool(len(losses) and not finite[-1] and finite.sum() < min_snapshots)


def _growth(norm: Series, growth: float, min_snapshots: int) -> Evidence | None:
    if len(norm) < min_snapshots:
        return None
    start = norm.values[: max(2, len(norm) // 10)]
    start = start[np.isfinite(start) & (start > 0)]
    if not len(start):
        return None
    relative = norm.values / np.median(start)
    over = ~(relative <= growth)
    if over[-max(2, len(over) // 3) :].mean() < 0.5:  # it stayed: no spike long ago, and not one now and then
        return None
    first = int(np.argmax(over))
    finite = relative[np.isfinite(relative)]
    peak = float(finite.max()) if len(finite) else 0.0
    if not peak > growth**0.5:  # it did not grow: it became non-finite at once, by a division by zero or a logarithm of it
        return None
    value = peak if peak > growth else float("inf")
    return Evidence(
        "gradient_norm", None, (int(norm.steps[first]), int(norm.steps[-1])), value, "above", growth, "ratio", "max"
    )


def _spike(norm: Series, growth: float, min_snapshots: int) -> Evidence | None:
    """One gradient far above the others: what clipping is for."""
    usual = float(np.median(norm.values)) if len(norm) >= min_snapshots else 0.0
    if not usual > 0:
        return None
    relative = norm.values / usual
    finite = np.where(np.isfinite(relative), relative, 0.0)
    largest = int(np.argmax(finite if finite.max() > growth else relative))
    if not (value := float(relative[largest])) > growth:
        return None
    at = int(norm.steps[largest])
    return Evidence("gradient_norm", None, (at, at), value, "above", growth, "ratio", "max / median")


def _depth(training: Training, ratio: float, min_snapshots: int) -> Evidence | None:
    for depth in depths(training):
        values = depth.values[: max(min_snapshots, len(depth.steps) // 3)]  # an explosion along the depth shows at once
        last = values[:, -1]
        with np.errstate(over="ignore"):
            steep = np.stack([values[:, j] / last for j in range(max(1, len(depth.layers) // 3))], axis=1)
        steep = steep[np.isfinite(steep).all(axis=1) & (last > 0)]
        if len(steep) < 2:
            continue
        median = np.median(steep, axis=0)
        if (median > ratio).all():
            span = (int(depth.steps[0]), int(depth.steps[min(len(values), len(depth.steps)) - 1]))
            j = int(np.argmax(median))
            return Evidence("gradient_norm", depth.layers[j], span, float(median[j]), "above", ratio, "ratio")
    return _backward(training, ratio, min_snapshots)


def _backward(training: Training, ratio: float, min_snapshots: int) -> Evidence | None:
    """The gradient coming back to the outputs of the first layers, per element, against the least of the second half.

    Where every layer amplifies alike, the gradients of all weights are equally large, and only the signal on its way
    back shows the explosion. Layers that are called several times lie along time, not along the depth.
    """
    by_network: dict[str, list[Layer]] = {}
    again = {layer.path.split("#")[0] for layer in training.layers if "#" in layer.path}
    for layer in training.layers:
        if layer.role in ("linear", "convolution") and layer.shape and layer.path not in again and "#" not in layer.path:
            by_network.setdefault(layer.network, []).append(layer)
    for layers in by_network.values():
        if len(layers) < 4:
            continue
        matrix = training.matrix("output_gradient_norm", [layer.path for layer in layers])
        size = np.sqrt([np.prod(layer.shape or (1,)) for layer in layers])
        values = (matrix.values / size)[: max(min_snapshots, len(matrix.steps) // 3)]
        values = values[np.isfinite(values).all(axis=1) & (values[:, -1:] > 0).all(axis=1)]
        if len(values) < 2:
            continue
        calm = values[:, len(layers) // 2 :].min(axis=1, keepdims=True)  # before it has grown
        with np.errstate(divide="ignore", invalid="ignore"):
            median = np.median(values / calm, axis=0)[:1]  # where all the layers have amplified it
        if (median > ratio).all():
            j = int(np.argmax(median))
            span = (int(matrix.steps[0]), int(matrix.steps[min(len(values), len(matrix.steps)) - 1]))
            return Evidence(
                "output_gradient_norm", layers[j].path, span, float(median[j]), "above", ratio, "ratio per element"
            )
    return None


def _fix_depth() -> Fix:
    return Fix(
        "initialise so that each layer keeps the size of what passes it (He for ReLU, Glorot for tanh), or "
        "normalise between "
        "the layers",
        'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
    )


def _fix_clipping(training: Training) -> Fix:
    limits = training.series("clip_limit").finite()
    limit = f"{limits.values[-1]:g}" if len(limits) else "max_norm"
    return Fix(
        "give the clipping the parameters that have gradients, after the backward: model.parameters() can be gone through once, and "
        "kept in a variable it is used up by whatever went through it first",
        f"parameters = list(model.parameters())\ntorch.nn.utils.clip_grad_norm_(parameters, {limit})",
    )


def _fix(norm: Series, training: Training) -> Fix:
    finite = norm.finite()
    calm = finite.values[: max(3, len(finite) // 3)]
    if not len(calm):
        return Fix("lower the learning rate and clip the gradient norm before each step")
    limit = float(f"{np.quantile(calm, 0.9):.2g}")
    limits = training.series("clip_limit").finite()
    if len(limits):
        text = (
            f"the norm is clipped at {limits.values[-1]:g} already: lower the learning rate, and initialise or "
            "normalise "
            "so that gradients keep their size"
        )
        return Fix(text)
    return Fix(
        f"clip the gradient norm at {limit:g}, the 90th percentile of this run's norms before they grew, or lower the "
        "learning rate",
        f"torch.nn.utils.clip_grad_norm_(model.parameters(), {limit:g})",
    )
