from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.rules.progress import constant_answer, stuck
from diagnose.run import Layer, Series, Training

BOUNDED = ("sigmoid", "tanh", "hardsigmoid", "hardtanh", "softsign", "relu6")
GATING = ("mul", "mul_", "bmm", "addcmul")  # a gate's output multiplies something: it is meant to be open or shut


@rule(
    needs=("saturated_share",),
    symptoms=(
        "unused-parameters", "vanishing-gradients", "loss-not-decreasing", "underfitting", "constant-output", "learning-rate-too-low",
        "stopped-too-early", "wasted-epochs",
    ),
)  # fmt: skip
def saturated_activations(
    training: Training, *, share: float = 0.5, poor: float = 0.5, min_snapshots: int = 3
) -> Iterator[Finding]:
    """Hidden activations sit at the flat ends of their curve.

    What it does:
        Takes the share of a sigmoid's or tanh's outputs that lie at its flat ends (|tanh| above 0.98), in layers that
        another layer follows, and speaks when the median over the snapshots and each of the last ones are above
        `share`, while the loss learns next to nothing; or while all hidden activations of the network (three or more)
        are above it and the best held-out loss is still `poor` times that of a constant answer; or where all of them (two or
        more) were above it before the first update already.

    Why is this bad:
        The slope there is under a twentieth of that in the middle: hardly any gradient passes, and the layers before
        stop learning.

    Fix:
        Scale the inputs to mean zero and standard deviation one, initialise with smaller weights (Xavier), normalise
        before the activation, or use a ReLU-like activation.

    Known problems:
        The network's output and gates (whose output multiplies something) are left out: they are meant to saturate.
        Gates inside LSTM and GRU modules are not seen.

    Example:
        `diagnose run demos/feedforward.py --problem saturated-activations`

    References:
        Glorot & Bengio 2010, section 3, https://proceedings.mlr.press/v9/glorot10a.html. Half the outputs is the share
        of SageMaker Debugger and DeepDiagnosis. A network whose every hidden layer answers with its limits learns a few
        samples by heart through its last layer: Glorot & Bengio, section 3.2; held-out losses of such networks stayed
        above 0.6 of a constant's, those of sound tanh networks on the same data under 0.1. Before the first update: of the
        sound challenge programs with sigmoid or tanh no hidden layer begins with more than 0.35 at the flat ends, and weights
        that are drawn without regard to the fan-in leave 0.7 and more there (Karpathy, makemore, part 3).
    """
    drawn = _from_the_start(training, share)
    suffering = stuck(training) or _learnt_by_heart(training, share, poor, min_snapshots) or drawn
    if suffering is None:
        return
    for place in training.places("saturated_share"):
        layer = training.layer(place.split("#", 1)[0])
        series = training.series("saturated_share", place).measured()
        if layer is None or layer.activation not in BOUNDED or len(series) < min_snapshots:
            continue
        if not _hidden(layer, training):
            continue
        median, late = float(np.median(series.values)), float(series.values[-min_snapshots:].min())
        if not (median > share and late > share):
            continue
        before = training.series("output_max_abs", _before(layer, training)).finite()
        size = f"its input reaches {float(np.median(before.values)):.2g}; " if len(before) else ""
        yield Finding(
            message=f"{median:.0%} of the outputs of {layer.path} ({layer.type}) lie at its flat ends, limit "
            f"{share:.0%}",
            places=(layer.path,),
            evidence=(
                Evidence("saturated_share", series.place, series.span, median, "above", share, "share"),
                suffering,
            ),
            confidence=0.85,
            steps=series.span,
            fix=_smaller(layer, training) if drawn is not None else Fix(
                f"{size}scale the inputs to standard deviation one, normalise before {layer.path}, or use ReLU",
                "nn.ReLU()" if not layer.functional else "F.relu",
            ),
            source=layer.source,
        )


def _learnt_by_heart(training: Training, share: float, poor: float, min_snapshots: int) -> Evidence | None:
    """Evidence that held-out data is answered poorly in a network saturated throughout."""
    shares = _shares(training)
    if len(shares) < 3 or any(len(s) < min_snapshots or not np.median(s.values) > share for s in shares):
        return None
    for pair in trend.pairs(training, passes=2):
        steps, losses = trend.finite_passes(pair.evaluation)
        limit = poor * constant_answer(training, pair.site)
        if len(losses) and float(losses.min()) > limit:
            best = int(np.argmin(losses))
            seen = (int(steps[best]), int(steps[best]))
            return Evidence(
                "evaluation_loss", pair.evaluation.id, seen, float(losses[best]), "above", limit, "loss", "best"
            )
    return None


def _from_the_start(training: Training, share: float) -> Evidence | None:
    """Evidence that every hidden layer was drawn into its flat ends: the least saturated before the first update."""
    shares = _shares(training)
    if len(shares) < 2 or any(not len(s) or s.steps[0] != 0 or not s.values[0] > share for s in shares):
        return None
    least = min(shares, key=lambda s: float(s.values[0]))
    return Evidence("saturated_share", least.place, (0, 0), float(least.values[0]), "above", share, "share", "first")


def _smaller(layer: Layer, training: Training) -> Fix:
    """Weights drawn by their fan-in, with the gain of the activation (`torch.nn.init.calculate_gain`)."""
    feeding = training.layer(_before(layer, training))
    weights = next((path for path in feeding.parameters if path.endswith("weight")), "") if feeding is not None else ""
    stem = layer.path.partition("/")[0]  # a layer, or the parameter that a function is named after
    weight = weights or (stem if layer.functional and training.layer(stem) is None else "layer.weight")
    gain = "gain=5 / 3" if layer.activation == "tanh" else "gain=1"
    return Fix(
        f"draw {weight} smaller, by its fan-in: these units lay at their flat ends before anything was learnt",
        f"nn.init.xavier_normal_({weight}, {gain})",
    )


def _shares(training: Training) -> list[Series]:
    """The share of saturated outputs in each hidden activation that is bounded."""
    hidden = [x for x in training.layers if x.activation in BOUNDED and "#" not in x.path and _hidden(x, training)]
    return [training.series("saturated_share", x.path).measured() for x in hidden]


def _hidden(layer: Layer, training: Training) -> bool:
    """Whether another layer with weights follows it, and it is no gate."""
    own = [edge for edge in training.edges if edge.source == layer.path]
    if any(operation in GATING for edge in own for operation in edge.operations):
        return False
    if not layer.network:  # of tensors without a module: a product with one of them follows, before the loss or the next activation
        return any(operation in signs.LINEAR for edge in own for operation in edge.operations)
    if any(site.layer == layer.path for site in training.losses):
        return False
    paths = [other.path for other in training.layers]
    position = paths.index(layer.path)
    return any(other.parameters for other in training.layers[position + 1 :] if other.network == layer.network)


def _before(layer: Layer, training: Training) -> str:
    """The layer that feeds it, "" when unknown."""
    edge = next((edge for edge in training.edges if edge.target == layer.path), None)
    if edge is not None:
        return edge.source
    paths = [other.path for other in training.layers]
    position = paths.index(layer.path)
    return paths[position - 1] if position else ""
