"""Hand-built loss curves with validation passes, for the tests of the rules about curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from made import SITE, made, replace

from diagnose.run import EvaluationSet, Floats, Training

STEPS, EPOCHS = 1000, 20


def along(steps: int = STEPS) -> Floats:
    """Share of the training that has passed, at each step."""
    return np.linspace(0, 1, steps)


def noisy(curve: Floats, noise: float = 0.05, seed: int = 0) -> Floats:
    """A curve with the relative noise of batches."""
    return curve * (1 + noise * np.random.default_rng(seed).standard_normal(len(curve)))


def validation(
    losses: Sequence[float] | Floats, steps: int = STEPS, *, name: str = "val", at: Sequence[int] | None = None,
    accuracy: Sequence[float] | None = None, samples: float = 400, noise: float = float("nan"), **change: Any,
) -> EvaluationSet:  # fmt: skip
    """One pass after each of so many equal parts of the training."""
    n = len(losses)
    every = np.asarray(at if at is not None else np.linspace(0, steps - 1, n + 1)[1:], np.int64)
    share = np.asarray(accuracy, float) if accuracy is not None else np.full(n, np.nan)
    site = change.pop("site", replace(SITE, id="bce@train.py:50", role="evaluation"))
    return EvaluationSet(
        name,
        name,
        site,
        every,
        np.asarray(losses, float),
        share,
        np.full(n, samples),
        np.full(n, 4.0),
        np.full(n, noise),
        **change,
    )


def training(
    loss: Floats, *evaluations: EvaluationSet, epochs: int = EPOCHS, rate: Any = 0.1, given: Any = None, **change: Any
) -> Training:
    """A binary classification with this training loss and these validations."""
    starts = tuple(int(s) for s in np.linspace(0, len(loss), epochs + 1)[:-1]) if epochs else ()
    quantities = {("learning_rate", None): rate} | (given or {})
    return made(quantities, loss=loss, evaluations=evaluations, epochs=starts, **change)
