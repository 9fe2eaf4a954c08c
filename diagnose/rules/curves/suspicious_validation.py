from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.progress import jitter
from diagnose.run import Training


@rule(needs=("evaluations", "losses"))
def suspicious_validation(
    training: Training,
    *,
    ratio: float = 0.7,
    passes_share: float = 0.7,
    material: float = 0.05,
    noise: float = 3.0,
    min_passes: int = 4,
) -> Iterator[Finding]:
    """The validation loss is clearly lower than the training loss.

    What it does:
        Holds each pass over a held-out set against the training losses of the same function in the steps around it.
        Speaks when at least `passes_share` of the passes lie below `ratio` of them, by `noise` standard errors and
        `material` of what a constant prediction loses, and the network has no layer that behaves differently while
        it trains.

    Why is this bad:
        New data should be no easier than those trained on. Often the validation set holds training samples, or the
        easy ones, or labels leak into its inputs.

    Fix:
        Look at how the data were split; evaluate the training data in the same way and compare.

    Known problems:
        Augmented training data are harder than plain validation data, and mixed or smoothed labels raise the training
        loss: then it is as it should be. Hence a note.

    Example:
        A table split by date whose later rows repeat the earlier ones

    References:
        Kapoor & Narayanan 2023, Leakage and the reproducibility crisis, https://doi.org/10.1016/j.patter.2023.100804;
        the ratio is that of the detectors runmedic (0.9) and finetune-doctor (0.8), lowered.
    """
    if any(layer.role == "dropout" or "batchnorm" in layer.type.lower() for layer in training.layers):
        return
    for pair in trend.pairs(training, passes=min_passes):
        if not pair.comparable_levels:
            continue
        steps, losses = trend.finite_passes(pair.evaluation)
        width = max(10.0, float(np.median(np.diff(steps))) / 2 if len(steps) > 1 else 10.0)
        near = [pair.training.values[np.abs(pair.training.steps - step) <= width] for step in steps]
        levels = np.array([part.mean() if len(part) else np.nan for part in near])
        errors = np.array([jitter(part) / np.sqrt(len(part)) if len(part) > 1 else np.nan for part in near])
        passes = pair.evaluation.noise[np.isfinite(pair.evaluation.loss)]
        errors = np.hypot(errors, np.where(np.isfinite(passes), passes, 0.0))
        scale = trend.reference(training, pair.site, float(losses[0]))
        lower = (levels > 0) & (losses < ratio * levels) & (levels - losses > noise * errors) & (levels - losses > material * scale)
        share = float(np.mean(lower))
        if share < passes_share:
            continue
        typical = float(np.median((losses / levels)[lower]))
        yield Finding(
            message=f"{pair.evaluation.name} loss is {typical:.2f} of the training loss around it in "
            f"{int(lower.sum())} of {len(losses)} passes",
            places=(pair.evaluation.id,),
            evidence=(
                Evidence(
                    "evaluation_loss",
                    pair.evaluation.id,
                    (int(steps[0]), int(steps[-1])),
                    typical,
                    "below",
                    ratio,
                    "ratio",
                    "median of validation / training in those passes",
                ),
            ),
            severity="note",
            confidence=0.5,
            steps=(int(steps[0]), int(steps[-1])),
            fix=Fix("look for training samples in the validation data, and evaluate the training data in the same way"),
            source=pair.evaluation.site.source,
        )
        return
