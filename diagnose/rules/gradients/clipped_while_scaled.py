from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import Training


@rule(
    needs=("loss_scale",),
    symptoms=(
        "learning-rate-too-low",
        "loss-not-decreasing",
        "underfitting",
        "clipping-too-hard",
        "vanishing-gradients",
    ),
)
def clipped_while_scaled(training: Training, *, scale: float = 1.0) -> Iterator[Finding]:
    """Gradients are clipped while they still carry the loss scale.

    What it does:
        Speaks when a clip call met gradients that the gradient scaler had multiplied by more than `scale` and not
        divided again.

    Why is this bad:
        With a scale of 65536 a limit of 1 cuts every gradient to 1/65536: after unscaling next to nothing is left.

    Fix:
        Call `scaler.unscale_(optimizer)` before clipping.

    Known problems:
        None known.

    Example:
        scaler.scale(loss).backward(); clip_grad_norm_(model.parameters(), 1.0); scaler.step(optimizer)

    References:
        PyTorch, Automatic mixed precision examples, working with unscaled gradients,
        https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-clipping
    """
    events = [e for e in training.events if e.kind == "clipped-while-scaled"]
    scales = training.series("loss_scale").finite()
    if not events or not len(scales) or not scales.values.max() > scale:
        return
    value = float(np.median(scales.values[scales.values > scale]))
    steps = [e.step for e in events if e.step is not None]
    yield Finding(
        message=f"gradients are clipped while they carry a loss scale of {value:g}, first at step "
        f"{min(steps, default=0)}",
        places=("clip_grad_norm_",),
        evidence=(Evidence("loss_scale", None, scales.span, value, "above", scale, "ratio"),),
        severity="error",
        confidence=0.97,
        steps=(min(steps), int(scales.steps[-1])) if steps else None,
        fix=Fix(
            "unscale the gradients before clipping",
            "scaler.unscale_(optimizer)\ntorch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        ),
        source=next((o.source for o in training.optimizers if o.source), None),
    )
