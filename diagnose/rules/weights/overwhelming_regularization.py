from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import quiet_median, stuck, trained_weights
from diagnose.run import Training


@rule(
    needs=("weight_norm",),
    symptoms=(
        "constant-output", "underfitting", "loss-not-decreasing", "vanishing-gradients", "dead-units",
        "stopped-too-early", "wasted-epochs", "input-ignored",
    ),
)  # fmt: skip
def overwhelming_regularization(
    training: Training, *, shrunk: float = 0.3, decay: float = 1e-3, min_snapshots: int = 5
) -> Iterator[Finding]:
    """Weight decay pulls the weights to zero faster than the loss holds them.

    What it does:
        Speaks when the optimizer's weight decay is at least `decay`, the norm of the weights (median over the layers)
        falls steadily to under `shrunk` of its first value, and the loss learns next to nothing.

    Why is this bad:
        The penalty, not the data, decides: the network ends near zero and answers with a constant.

    Fix:
        A smaller weight decay (1e-4 for SGD and Adam, 1e-2 for AdamW are usual).

    Known problems:
        A penalty that the program adds to its loss by hand is seen only by its effect, and is not told apart.

    Example:
        An SGD with weight_decay=0.5.

    References:
        Krogh & Hertz 1991, https://proceedings.neurips.cc/paper/1991/hash/8eefcfdf5990e441f0fb6f3fad709e21-Abstract.html;
        Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101. Healthy trainings grow their weights, or lose a few
        per cent.
    """
    decays = [(float(o.settings.get("weight_decay") or 0.0), o) for o in training.optimizers]
    if not decays:
        return
    strongest, optimizer = max(decays, key=lambda found: found[0])
    if strongest < decay:
        return
    norms = training.matrix("weight_norm", trained_weights(training, quantity="weight_norm"))
    if len(norms.steps) < min_snapshots or not norms.places:
        return
    start = norms.values[0]
    start = np.where(start > 0, start, np.nan)
    shares = quiet_median(norms.values / start, axis=1)
    value = float(np.median(shares[-3:]))
    if not value < shrunk:
        return
    suffering = stuck(training)
    if suffering is None:
        return
    rates = training.series("learning_rate").finite()
    decoupled = optimizer.type in ("AdamW", "SGDW")
    usual = 1e-2 if decoupled else 1e-4
    better = min(usual, float(f"{strongest / 10:.0e}"))
    span = (int(norms.steps[0]), int(norms.steps[-1]))
    yield Finding(
        message=f"{optimizer.type} with weight decay {strongest:g} shrank the weights to {value:.2g} of their "
        "first norm, "
        f"limit {shrunk:g}",
        places=(optimizer.type,),
        evidence=(
            Evidence("weight_norm", None, span, value, "below", shrunk, "share of the first", "median of the last"),
            suffering,
        ),
        confidence=0.85,
        steps=span,
        fix=Fix(
            f"weight_decay={better:g}"
            + (f": each step took {strongest * float(rates.values[0]):.1e} of every weight" if len(rates) else ""),
            f"weight_decay={better:g}",
        ),
        source=optimizer.source,
    )  # fmt: skip
