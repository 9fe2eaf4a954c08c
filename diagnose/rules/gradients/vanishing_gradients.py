from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.depth import depths
from diagnose.rules.progress import stuck
from diagnose.rules.trend import maximised
from diagnose.run import Layer, Training

SQUASHING = ("sigmoid", "tanh", "softsign", "hardsigmoid", "hardtanh", "softmax")


@rule(
    needs=("gradient_norm",),
    symptoms=(
        "loss-not-decreasing", "underfitting", "constant-output", "learning-rate-too-low", "stopped-too-early",
        "oscillating-loss", "input-ignored", "wasted-epochs",
    ),
)  # fmt: skip
def vanishing_gradients(
    training: Training, *, ratio: float = 1e-2, layers: int = 3, min_steps: int = 20, min_snapshots: int = 5
) -> Iterator[Finding]:
    """Gradients fade on their way to the first layers.

    What it does:
        Takes, for each layer with weights, the root-mean-square gradient relative to the largest one further on, and
        speaks when it stays under `ratio` in every layer of the first third of the network, through the training and
        at its end, while the loss learns next to nothing.

    Why is this bad:
        Each layer multiplies the gradient by its weights and by the slope of its activation. Where that product is
        under one the first layers get next to nothing: they stay as they were drawn, and the layers above them learn
        from random features.

    Fix:
        ReLU-like activations with He initialisation, a residual path, normalisation, or fewer layers.

    Known problems:
        Silent where the loss falls: an optimizer that rescales gradients (Adam) can live with faint ones. Layers that
        are frozen, and embeddings, are left out. Not seen along time: `short-memory` looks there.

    Example:
        `diagnose run demos/feedforward.py --problem vanishing-gradients`

    References:
        Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html. AutoTrainer (Zhang
        et al. 2021, section 3.2) takes 1e-3. Measured where the loss is stuck: 1e-11 to 7e-3 where the gradient fades
        (twelve sigmoid layers 3e-10, four 4.5e-3), 1.4e-2 and more where something else is to blame.
    """
    if training.steps < min_steps:
        return
    suffering = stuck(training)
    if suffering is None or maximised(training) is not None:
        return
    for depth in depths(training, layers=layers):
        if len(depth.steps) < min_snapshots:
            continue
        first = range(max(1, len(depth.layers) // 3))
        fade, late = depth.fade(), depth.late_fade()
        if not all(fade[j] < ratio and late[j] < ratio for j in first):
            continue
        span = (int(depth.steps[0]), int(depth.steps[-1]))
        place = training.layer(depth.layers[0])
        largest = max(range(len(depth.layers)), key=lambda j: -1.0 if j in first else float(depth.values[-1, j]))
        yield Finding(
            message=f"gradient at {depth.layers[0]} is {fade[0]:.1e} of the largest further on "
            f"({depth.layers[largest]}), limit {ratio:g}",
            places=tuple(dict.fromkeys(depth.layers[j] for j in first)),
            evidence=(
                Evidence("gradient_norm", depth.layers[0], span, float(fade[0]), "below", ratio, "share"),
                suffering,
            ),
            confidence=0.9,
            steps=span,
            fix=_fix(training, len(depth.layers), float(fade[0])),
            source=place.source if place else None,
        )


def _fix(training: Training, count: int, fade: float) -> Fix:
    squashing: list[Layer] = [a for a in training.layers if a.activation in SQUASHING[:2]]
    per_layer = max(fade, 1e-30) ** (1 / max(count - 1, 1))
    lost = f"each of the {count} layers passes on about {per_layer:.2g} of the gradient"
    if len(squashing) >= 2:
        name = squashing[0].type
        return Fix(
            f"{lost}: replace the {len(squashing)} {name} activations between them by ReLU and initialise the weights "
            "for it (kaiming_normal_), or add residual connections or normalisation",
            "nn.ReLU()" if name[:1].isupper() else "F.relu",
        )
    return Fix(
        f"{lost}: initialise the weights for their activation (kaiming_normal_ for ReLU), add residual connections or "
        "normalisation, or use fewer layers",
        'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
    )
