from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Layer, Training


@rule(
    needs=("losses",),
    symptoms=(
        "underfitting",
        "loss-not-decreasing",
        "oscillating-loss",
        "stopped-too-early",
        "learning-rate-too-low",
        "suspicious-validation",
        "constant-output",
        "dead-units", "short-memory",
    ),
)
def dropout_too_strong(
    training: Training, *, rate: float = 0.6, certain: float = 0.9, unlearnt: float = 0.5
) -> Iterator[Finding]:
    """Dropout takes away so much that the network cannot learn.

    What it does:
        Reports dropout of p above `rate` where the training loss still has more than `unlearnt` of a constant
        prediction's, and p of at least `certain` whatever the loss. Dropout on the network's outputs themselves,
        with nothing after it, is reported at any p above 0.

    Why is this bad:
        At p = 0.9 one unit in ten passes and is multiplied by ten: the signal's noise outweighs it, and what is left
        of the network is too small for the task. On the outputs it turns answers into zeros at random.

    Fix:
        0.1 to 0.5 between hidden layers, 0.2 at most on the input, none on the output.

    Known problems:
        Wide layers bear more dropout than narrow ones: between `rate` and `certain` a good fit is believed.

    Example:
        `nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.95), nn.Linear(32, 10))`

    References:
        Srivastava et al. 2014, Dropout, figure 9 and appendix A, https://jmlr.org/papers/v15/srivastava14a.html: the
        test error is flat from p = 0.2 to 0.6 and rises beyond ("1 - p" in their notation); "a value of 0.5 seems to
        be close to optimal for a wide range of networks".
    """
    layers = [layer for layer in training.layers if layer.role == "dropout" and _active(training, layer)]
    if not layers:
        return
    left = max((signs.unlearnt(training, site) for site in training.training_losses), default=float("nan"))
    for layer in layers:
        p = _rate(layer)
        bad = p > rate and left > unlearnt
        if p >= certain or bad:
            yield _finding(training, layer, p, left if bad else None, rate if bad else certain)
            return
    for site in training.training_losses:
        last = training.layer(site.layer) if site.layer else None
        mapped = any(set(edge.operations) & set(signs.LINEAR) for edge in training.edges if edge.target == site.id)
        if last is not None and last.role == "dropout" and _rate(last) > 0 and last in layers and not mapped:
            yield Finding(
                message=f"dropout {last.path} of p = {_rate(last):g} acts on the outputs that go into {site.function}",
                places=(last.path,),
                evidence=(Evidence("dropout_rate", last.path, None, _rate(last), "above", 0.0, statistic="setting p"),),
                severity="error" if left > unlearnt else "warning",
                confidence=0.85,
                steps=signs.span(training),
                fix=Fix(f"remove {last.path}: no dropout after the last layer"),
                source=last.source,
            )


def _rate(layer: Layer) -> float:
    p = layer.settings.get("p", 0.0)
    return float(p) if isinstance(p, (int, float)) else 0.0


def _active(training: Training, layer: Layer) -> bool:
    mode = training.series("layer_training", layer.path).finite().values
    return not len(mode) or float(mode.mean()) > 0.5


def _finding(training: Training, layer: Layer, p: float, left: float | None, limit: float) -> Finding:
    evidence = [Evidence("dropout_rate", layer.path, None, p, "above", limit - 1e-9, statistic="setting p")]
    zeros = training.series("zero_share", layer.path).finite()
    if len(zeros):
        share = float(zeros.values.mean())
        seen = Evidence("zero_share", layer.path, zeros.span, share, "above", limit - 0.05, statistic="mean")
        evidence += [seen] if seen.holds() else []
    rest = f", and {min(left, 9.99):.0%} of a constant prediction's loss remains" if left is not None else ""
    return Finding(
        message=f"dropout {layer.path} takes away {p:.0%} of its input{rest}",
        places=(layer.path,),
        evidence=tuple(evidence),
        severity="error" if left is not None or p >= 1 else "warning",
        confidence=0.85 if left is not None else 0.7,
        steps=signs.span(training),
        fix=Fix(f"lower p of {layer.path} from {p:g} to 0.5 or less", f"nn.{layer.type}(p=0.5)"),
        source=layer.source,
    )
