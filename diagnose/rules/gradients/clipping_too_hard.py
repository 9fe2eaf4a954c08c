from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.clipping import RESCALING
from diagnose.rules.progress import stuck
from diagnose.run import Training


@rule(
    needs=("clip_norm", "clip_limit"),
    symptoms=("learning-rate-too-low", "loss-not-decreasing", "underfitting", "stopped-too-early", "wasted-epochs"),
)
def clipping_too_hard(
    training: Training, *, share: float = 0.5, ratio: float = 10.0, min_steps: int = 20
) -> Iterator[Finding]:
    """The clipping limit lies far below the ordinary gradient and sets the pace.

    What it does:
        Counts the steps whose gradient was clipped. Speaks when they are more than `share` of all and the median norm
        is more than `ratio` times the limit; loud only where the loss learns next to nothing and the optimizer does
        not rescale gradients itself (Adam does, and hardly feels a constant factor), else as a note.

    Why is this bad:
        Clipping is meant for rare outliers. Cut at every step, all gradients have the same length, and the training
        crawls.

    Fix:
        Clip at the 90th percentile of the run's own norms.

    Known problems:
        Some recipes (large language models clipped at 1.0) are clipped in most early steps on purpose.

    Example:
        clip_grad_norm_(model.parameters(), 1e-3) before each step of plain SGD.

    References:
        Godbole et al. 2023, Deep learning tuning playbook (clip at the 90th percentile; more than half of the updates
        clipped is extremely aggressive), https://github.com/google-research/tuning_playbook
    """
    norms, limits = training.series("clip_norm").finite(), training.series("clip_limit").finite()
    common, mine, theirs = np.intersect1d(norms.steps, limits.steps, return_indices=True)
    if len(common) < min_steps:
        return
    relative = norms.values[mine] / np.maximum(limits.values[theirs], 1e-30)
    found, median = float((relative > 1).mean()), float(np.median(relative))
    if not (found > share and median > ratio):
        return
    suffering = stuck(training)
    plain = [o for o in training.optimizers if o.type not in RESCALING]
    loud = suffering is not None and bool(plain)
    limit, better = float(np.median(limits.values)), float(f"{np.quantile(norms.values, 0.9):.2g}")
    source = (training.facts.get("clip") or {}).get("source") if isinstance(training.facts.get("clip"), dict) else None
    span = (int(common[0]), int(common[-1]))
    evidence = [
        Evidence("clip_norm / clip_limit", None, span, found, "above", share, "share of steps", "share above 1"),
        Evidence("clip_norm / clip_limit", None, span, median, "above", ratio, "ratio"),
    ]
    where = f" at line {source['line']}" if isinstance(source, dict) and "line" in source else ""
    yield Finding(
        message=f"gradients were clipped at {limit:g} in {found:.0%} of the steps{where}, their median norm is "
        f"{median:.2g} times "
        "that",
        places=("clip_grad_norm_",),
        evidence=tuple(evidence if suffering is None else [*evidence, suffering]),
        severity="error" if loud else "note",
        confidence=0.75 if loud else 0.5,
        steps=span,
        fix=Fix(
            f"clip at {better:g}, the 90th percentile of this run's norms",
            f"torch.nn.utils.clip_grad_norm_(model.parameters(), {better:g})",
        ),
        source=next((o.source for o in training.optimizers if o.source), None),
    )
