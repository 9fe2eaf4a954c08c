from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import quiet_median, stuck, trained_weights
from diagnose.run import LossSite, Optimizer, Training


@rule(
    needs=("weight_norm",),
    symptoms=(
        "constant-output", "underfitting", "loss-not-decreasing", "vanishing-gradients", "dead-units",
        "stopped-too-early", "wasted-epochs", "input-ignored",
    ),
)  # fmt: skip
def overwhelming_regularization(
    training: Training, *, shrunk: float = 0.3, decay: float = 1e-3, penalty: float = 0.8, min_snapshots: int = 5
) -> Iterator[Finding]:
    """Weight decay pulls the weights to zero faster than the loss holds them.

    What it does:
        Speaks when the norm of the weights (median over the layers) falls to under `shrunk` of its first value while
        the loss learns next to nothing, and either the optimizer's weight decay is at least `decay`, or at least the
        share `penalty` of the first loss was added to what the loss functions gave.

    Why is this bad:
        The penalty, not the data, decides: the network ends near zero and answers with a constant.

    Fix:
        A smaller weight decay (1e-4 for SGD and Adam, 1e-2 for AdamW are usual).

    Known problems:
        Silent where the gradient does not reach every layer at the first step: the weights then shrink for want of it.
        What is added to the loss by hand is known by its size alone: another term that large is taken for a penalty.

    Example:
        An SGD with weight_decay=0.5.

    References:
        Krogh & Hertz 1991, https://proceedings.neurips.cc/paper/1991/hash/8eefcfdf5990e441f0fb6f3fad709e21-Abstract.html;
        Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101. Healthy trainings grow their weights, or lose a few
        per cent.
    """
    norms = training.matrix("weight_norm", trained_weights(training, quantity="weight_norm"))
    if len(norms.steps) < min_snapshots or not norms.places:
        return
    start = np.where(norms.values[0] > 0, norms.values[0], np.nan)
    value = float(np.median(quiet_median(norms.values / start, axis=1)[-3:]))
    suffering = stuck(training)
    if not value < shrunk or suffering is None or _unreached(training, norms.places):
        return
    span = (int(norms.steps[0]), int(norms.steps[-1]))
    seen = Evidence("weight_norm", None, span, value, "below", shrunk, "share of the first", "median of the last")
    strongest = max(training.optimizers, key=_decay, default=None)
    if strongest is not None and _decay(strongest) >= decay:
        yield _by_optimizer(training, strongest, (seen, suffering))
        return
    part = _penalty(training)
    if part is not None and part.value > penalty:
        yield _by_loss(training, (part, seen, suffering))


def _unreached(training: Training, places: tuple[str, ...], ratio: float = 1e-3) -> bool:
    """Whether the gradient had faded on its way to some layer before any weight shrank: decay then meets no resistance.

    1e-3: the limit of vanishing-gradients.
    """
    first = training.matrix("gradient_norm", places).values[:1]
    return bool(np.isfinite(first).any() and np.nanmin(first) <= ratio * np.nanmax(first))


def _decay(optimizer: Optimizer) -> float:
    return float(optimizer.settings.get("weight_decay") or 0.0)


def _by_optimizer(training: Training, optimizer: Optimizer, evidence: tuple[Evidence, ...]) -> Finding:
    found, seen = _decay(optimizer), evidence[0]
    usual = 1e-2 if optimizer.type in ("AdamW", "SGDW") else 1e-4
    better = min(usual, float(f"{found / 10:.0e}"))
    rates = training.series("learning_rate").finite()
    each = f": each step took {found * float(rates.values[0]):.1e} of every weight" if len(rates) else ""
    return Finding(
        message=f"{optimizer.type} with weight decay {found:g} shrank the weights to {seen.value:.2g} of their "
        "first norm, "
        f"limit {seen.limit:g}",
        places=(optimizer.type,),
        evidence=evidence,
        confidence=0.85,
        steps=seen.steps,
        fix=Fix(f"weight_decay={better:g}{each}", f"weight_decay={better:g}"),
        source=optimizer.source,
    )


def _by_loss(training: Training, evidence: tuple[Evidence, ...]) -> Finding:
    part, seen = evidence[0], evidence[1]
    site = training.training_losses[0]
    return Finding(
        message=f"{part.value:.0%} of the first loss is not {site.id} but added to it, and the weights shrank to "
        f"{seen.value:.2g} of their first norm",
        places=(site.layer or site.id,),
        evidence=evidence,
        confidence=0.75,
        steps=seen.steps,
        fix=Fix(
            "divide the weight of what is added to the loss by about "
            f"{10 * part.value / max(1 - part.value, 1e-6):.0e}, so "
            "that it is a tenth of the loss on the data"
        ),
        source=site.source,
    )


def _penalty(training: Training) -> Evidence | None:
    """The share of the first losses that no observed loss function accounts for."""
    total = training.series("loss").finite()
    sites = [site for site in training.training_losses if site.weight is not None]
    if len(total) < 5 or not sites or len(sites) < len(training.training_losses):
        return None
    known = sum(abs(site.weight or 0.0) * _first(training, site) for site in sites)
    whole = float(np.median(total.values[:5]))
    if not (np.isfinite(known) and whole > 0):
        return None
    return Evidence("loss", None, (int(total.steps[0]), int(total.steps[4])), 1 - known / whole, "above", 0.0, "share")


def _first(training: Training, site: LossSite) -> float:
    values = training.series("training_loss", site.id).finite().values[:5]
    return float(np.median(values)) if len(values) else float("nan")
