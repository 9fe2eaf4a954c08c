"""What clipping does to a training, and clipping that is called at each step and given nothing to clip."""

from __future__ import annotations

import numpy as np

from diagnose.finding import Evidence
from diagnose.run import Series, Training

LEAST_CALLS = 5
# Optimizers that divide by the gradient's own size: what they do hardly depends on a clipping.
RESCALING = ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adagrad", "Adadelta", "RMSprop", "Adafactor", "Rprop")


def clips_nothing(training: Training, share: float = 0.9) -> Evidence | None:
    """Evidence that the gradients were clipped in most steps, and never were any among what was to be clipped.

    `model.parameters()` can be gone through once: kept in a variable and used up (by an optimizer, a count, the first call
    itself) it is empty from then on, and `clip_grad_norm_` returns a norm of 0, with a warning at most
    (https://github.com/pytorch/pytorch/issues/148259). The very first call may still have had them.

    `share`: of the steps; a program that clips now and then means something else.
    """
    norms = training.series("clip_norm").measured()
    later = norms.values[1:]
    if len(norms) < LEAST_CALLS or later.any() or len(norms) < share * len(training.series("loss")):
        return None
    there = of_parameters(training)
    if not len(there) or (there.values <= 0).mean() > 0.5:
        return None
    return Evidence("clip_norm", None, norms.span, float(later.max()), "equal", 0.0, "gradient", "max")


def of_parameters(training: Training) -> Series:
    """Norm of all gradients at each snapshot, from the norms of the parameters' gradients."""
    matrix = training.matrix("gradient_norm")
    seen = ~np.isnan(matrix.values).all(axis=1)
    squares = np.where(np.isnan(matrix.values), 0.0, matrix.values.astype(float)) ** 2
    return Series("gradient_norm", None, matrix.steps[seen], np.sqrt(squares.sum(axis=1))[seen])
