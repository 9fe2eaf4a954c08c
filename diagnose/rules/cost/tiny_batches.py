from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan, prod

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Layer, Training


@rule(needs=("samples", "losses"), symptoms=("oscillating-loss", "loss-spikes", "data-loading-bottleneck"))
def tiny_batches(
    training: Training,
    *,
    samples: int = 4,
    noise: float = 0.5,
    unlearnt: float = 0.3,
    many: int = 2000,
    thin: float = 1e7,
    min_steps: int = 200,
) -> Iterator[Finding]:
    """Batches of a few samples: noisy steps, slow epochs.

    What it does:
        Reports a typical batch of at most `samples` samples in a training of at least `min_steps` steps: a warning
        where the loss jumps from step to step by more than `noise` of its level and more than `unlearnt` of a
        constant prediction's loss remains, or where `many` steps or more are spent on single samples, or as many for each
        sample of a batch, while a step takes fewer than `thin` operations; else a note.

    Why is this bad:
        The gradient of so few samples is mostly noise, so that the learning rate must be small; and each step costs
        nearly as much as one of 32 samples.

    Fix:
        Batches of 16 to 128; where memory forbids it, accumulate gradients over several batches.

    Known problems:
        A stream whose samples are never seen again is noted only. Sequences with many targets, dense outputs and
        reinforcement learning: one sample is many there. They are left out, but for dense outputs of single samples on
        which a step spends fewer than `thin` operations.

    Example:
        `DataLoader(dataset, batch_size=1)`

    References:
        McCandlish et al. 2018, An Empirical Model of Large-Batch Training, https://arxiv.org/abs/1812.06162; Masters &
        Luschi 2018, https://arxiv.org/abs/1804.07612: batches of 2 to 32 can reach the best results, hence the second
        sign. 1e7: what a core computes in about the time that calling the kernels of one step takes (0.5 ms); a batch ten
        times as large then costs the same. 2000: a choice of our own; no sound program takes
        a tenth of that many.
    """
    size = signs.typical(training, "samples")
    if isnan(size) or size > samples or training.kind in ("reinforcement", "gan", "language"):
        return
    dense = any(len(site.target_shape or ()) > 2 for site in training.training_losses)
    work = signs.typical(training, "forward_flops") + signs.typical(training, "backward_flops")
    sequences = [layer for layer in training.layers if layer.role in ("recurrent", "attention")]
    targets = [prod(site.target_shape or ()) if site.target_shape else float("inf") for site in training.training_losses]
    if sequences and max(targets, default=0) > samples:
        if _for_each_symbol(training, sequences):
            return
        dense = True
    if dense and not (size <= 1 and training.steps >= many and work < thin):
        return
    series = training.series("loss").finite()
    jumps, level = np.abs(np.diff(series.values)), abs(signs.middle(series.values))
    jump = float(np.median(jumps)) / level if len(jumps) and level > 0 else 0.0
    left = max((signs.unlearnt(training, site) for site in training.training_losses), default=float("nan"))
    wasted = training.steps >= many * size and work < thin
    again = training.facts.get("train_again")
    once = isinstance(again, float) and again < 0.1 and not training.epochs  # a stream, no epochs: second ones give 0.5
    hurts = not once and ((jump > noise and left > unlearnt) or (size <= 1 and training.steps >= many) or wasted)
    seen = training.series("samples")
    evidence = [Evidence("samples", None, seen.span, size, "below", samples + 1)]
    loader = training.facts.get("data", {}).get("loader") or {}
    rest = f", the loss jumps by {jump:.0%} of its level from step to step" if jump > noise else ""
    yield Finding(
        message=f"batches of {size:.0f} samples, {training.steps} steps{rest}",
        places=("batches",),
        evidence=tuple(evidence),
        severity="warning" if hurts else "note",
        confidence=0.7 if hurts else 0.4,
        steps=signs.span(training),
        fix=Fix(
            "raise the batch size to 32 and the learning rate with it",
            f"DataLoader({loader.get('dataset') or 'dataset'}, batch_size=32, shuffle=True)" if loader else None,
        ),
    )


def _for_each_symbol(training: Training, layers: Sequence[Layer]) -> bool:
    """Whether the targets are as long as the sequences; unknown shapes may be."""
    lengths = {size for layer in layers if layer.shape is not None and len(layer.shape) == 3 for size in layer.shape[:2]}
    shapes = [site.target_shape for site in training.training_losses]
    return not lengths or any(shape is None or bool(lengths - {1} & set(shape)) or len(shape) == 1 for shape in shapes)
