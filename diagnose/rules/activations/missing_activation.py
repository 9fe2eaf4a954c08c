from collections.abc import Iterator, Mapping, Sequence

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.rules.progress import stuck
from diagnose.run import Edge, Layer, Training

LINEAR = ("linear", "convolution")
TRANSPARENT = ("dropout", "reshape", "container")  # layers that leave a linear map linear
CODES = ("autoencoder", "vae")  # a linear one computes principal components
STRAIGHT = (
    "view", "reshape", "unsafe_view", "_unsafe_view", "_reshape_alias", "flatten", "unflatten", "transpose", "t",
    "permute", "squeeze", "unsqueeze", "expand", "clone", "contiguous", "addmm", "mm", "linear", "convolution", "alias",
    "to_copy", "_to_copy", "native_dropout",
    "slice", "select", "narrow", "split", "cat", "stack", "neg", "mean", "sum", "avg_pool2d", "copy_slices",
)  # fmt: skip


@rule(needs=("edges",), symptoms=("underfitting", "loss-not-decreasing", "constant-output", "stopped-too-early"))
def missing_activation(training: Training, *, pairs: int = 1, fraction: float = 0.5, learnt: float = 0.1) -> Iterator[Finding]:
    """Linear layers follow each other with nothing between.

    What it does:
        Follows the data flow from each linear or convolution layer to the next, through reshaping, dropout and batch
        normalisation. Speaks when at least `pairs` such connections exist: a warning where the network has no activation at
        all, nor gates along time, and more than `learnt` of a constant answer's loss is left, or where they are at least
        `fraction` of all connections and the loss learns next to nothing; else a note. A layer that narrows (its output
        smaller than its own input and than the next one's output) is a low-rank factorization or a code, and is left out
        unless a network of more than two layers has no activation at all; so are depthwise convolutions.

    Why is this bad:
        Two linear maps in a row are one linear map: the layers add cost and no power, and what no linear map can
        separate stays unlearnt.

    Fix:
        An activation after each layer but the last.

    Known problems:
        A network of more layers that is linear on purpose (a study of deep linear networks) is reported, unless it has
        learnt its task: then it was linear.

    Example:
        `diagnose run tests/challenges/pt-linear-only/faulty.py`

    References:
        Goodfellow et al. 2016, Deep Learning, section 6.1, https://www.deeplearningbook.org/contents/mlp.html. 0.1:
        a sound program that takes an average was left with 0.04 of a constant's loss, those that lack activations with 0.32 and more.
    """
    layers = {layer.path: layer for layer in training.layers}
    leaving: dict[str, list[Edge]] = {}
    for edge in training.edges:
        leaving.setdefault(edge.source, []).append(edge)
    straight: list[tuple[Layer, Layer]] = []
    hidden = 0
    for layer in training.layers:
        if layer.role not in LINEAR:
            continue
        reached = _next(layer, leaving, layers)
        straight += [(layer, other) for other in reached]
        hidden += _leads_on(layer, leaving, layers)
    # No power anywhere, not even of gates along time: a narrow layer is no excuse.
    entirely = len({first.path for first, _ in straight}) == hidden and all(layer.role != "recurrent" for layer in training.layers)
    if not entirely or training.kind in CODES or len(straight) == 1:
        straight = [(first, second) for first, second in straight if not _factorizes(first, second)]
    straight = [(first, second) for first, second in straight if not _hidden_between(training, first, second)]
    if len(straight) < pairs:
        return
    froms = list(dict.fromkeys(first.path for first, _ in straight))
    share = len(froms) / max(hidden, len(froms))
    suffering = None if entirely else stuck(training)
    left = min((signs.unlearnt(training, site) for site in training.training_losses), default=float("nan"))
    loud = (entirely and not left <= learnt) or (share >= fraction and suffering is not None)
    first, second = straight[0]
    more = f" and {len(straight) - 1} more such pairs" if len(straight) > 1 else ""
    yield Finding(
        message=f"nothing between {first.path} and {second.path}{more}: {len(froms)} of "
        f"{max(hidden, len(froms))} layers "
        "with weights are followed by no activation",
        places=tuple(dict.fromkeys(path for a, b in straight for path in (a.path, b.path))),
        evidence=tuple(
            evidence
            for evidence in (
                Evidence(
                    "linear_pairs", first.path, None, float(len(straight)), "above", pairs - 1.0, "pairs", "count"
                ),
                suffering,
            )
            if evidence is not None
        ),
        severity="warning" if loud else "note",
        confidence=0.9 if loud else 0.5,
        fix=Fix(f"put an activation after {', '.join(froms[:3])}{' …' if len(froms) > 3 else ''}", "nn.ReLU()"),
        source=first.source,
    )


def _leads_on(layer: Layer, leaving: Mapping[str, Sequence[Edge]], layers: Mapping[str, Layer]) -> bool:
    """Whether another layer with weights comes after it, by whatever way: an output's does not."""
    waiting, seen = [layer.path], {layer.path}
    while waiting:
        for edge in leaving.get(waiting.pop(), ()):
            other = layers.get(edge.target)
            if other is not None and other.path not in seen:
                if other.role in LINEAR:
                    return True
                seen.add(other.path)
                waiting.append(other.path)
    return False


def _next(layer: Layer, leaving: Mapping[str, Sequence[Edge]], layers: Mapping[str, Layer]) -> list[Layer]:
    """Layers with weights that the output reaches by a linear way alone."""
    found: dict[str, Layer] = {}
    waiting, seen = [layer.path], {layer.path}
    while waiting:
        for edge in leaving.get(waiting.pop(), ()):
            other = layers.get(edge.target)
            if other is None or not all(operation in STRAIGHT for operation in edge.operations):
                continue
            if other.role in LINEAR:
                found[other.path] = other
            elif (other.role in TRANSPARENT or "BatchNorm" in other.type) and other.path not in seen:  # affine, once trained
                seen.add(other.path)
                waiting.append(other.path)
    return list(found.values())


def _hidden_between(training: Training, first: Layer, second: Layer) -> bool:
    """Whether an activation ran between them whose output the data flow does not show (it was passed on unchanged)."""
    shown = {edge.source for edge in training.edges}
    paths = [layer.path for layer in training.layers]
    between = training.layers[paths.index(first.path) + 1 : paths.index(second.path)]
    return any(layer.activation and layer.path not in shown for layer in between)


def _width(layer: Layer, key: str) -> int | None:
    value = layer.settings.get(f"{key}_features", layer.settings.get(f"{key}_channels"))
    return value if isinstance(value, int) else None


def _factorizes(first: Layer, second: Layer) -> bool:
    """Whether the pair is a factorization on purpose: a narrow code, or a depthwise and a pointwise convolution."""
    groups = first.settings.get("groups"), second.settings.get("groups")
    if any(isinstance(g, int) and g > 1 for g in groups):
        return True
    come, code, leave = _width(first, "in"), _width(first, "out"), _width(second, "out")
    return None not in (come, code, leave) and code < min(come, leave)  # type: ignore[operator, type-var]
