from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import Series, Training


@rule(needs=("ranks", "weight_rank_spread"), symptoms=("suspicious-validation", "oscillating-loss"))
def rank_divergence(
    training: Training, *, spread: float = 1e-5, loss_spread: float = 1e-4, whole: float = 0.9
) -> Iterator[Finding]:
    """The processes no longer train the same network: their parameters have drifted apart.

    What it does:
        Compares the norm of each parameter between the ranks at the steps that all of them recorded. Where the ranks
        differ by more than `spread` of the mean at the last of them, and their losses by more than `loss_spread` in the
        middle, the copies are no copies. Parameters that are spread over the ranks on purpose (FSDP, DTensor) are left out.

    Why is this bad:
        Data parallel training keeps one network in many copies. Copies that drift apart are so many small trainings on a
        part of the data each: the one that is saved has seen 1/N of it, and batch size and learning rate mean something else.

    Fix:
        Wrap the model in `DistributedDataParallel` and call the wrapper, not `model.module`, in the forward pass: its
        hooks average the gradients. Start all ranks from the same weights, load checkpoints before wrapping, and take the
        optimizer's step on every rank.

    Known problems:
        Methods that average only now and then (local SGD, DiLoCo, federated training) drift in between. Experts of a
        mixture that live on one rank alone have one name and different weights: where less than `whole` of the parameters
        differ, this is a warning of low confidence. Parts of one model on each rank (tensor parallelism by hand) differ by
        design: they share one loss, and are not reported.

    Example:
        `output = model.module(batch)` in a training with `model = DistributedDataParallel(model)`

    References:
        Li et al. 2020, PyTorch Distributed: experiences on accelerating data parallel training, section 3,
        https://arxiv.org/abs/2006.15704. Measured with gloo on 2 ranks: exactly 0 after 80 steps of DistributedDataParallel;
        without the average 3e-4 to 0.1 after one step, 4e-3 to 0.15 after 40, and a median of 0.06 between the losses, 0 where
        both see the same. 1e-5 leaves room for processors that round differently.
    """
    losses = training.series("loss_rank_spread").finite()
    if len(losses) and float(np.median(losses.values)) <= loss_spread:
        return
    apart: list[tuple[float, str, Series]] = []
    seen = 0
    for path in training.places("weight_rank_spread"):
        series = training.series("weight_rank_spread", path).finite()
        if len(series):
            seen += 1
            if series.values[-1] > spread:
                apart.append((float(series.values[-1]), path, series))
    if not apart:
        return
    everything = len(apart) >= whole * seen
    value, path, series = max(apart, key=lambda entry: entry[0])
    beyond = series.steps[series.values > spread]
    began = int(beyond[0])
    of = "all parameters" if everything and len(apart) == seen else f"{len(apart)} of {seen} parameters"
    since = "from the start" if began == int(series.steps[0]) else f"since step {began}"
    cause, fix = _cause(training, began == int(series.steps[0]), [p for _, p, _ in apart])
    parameter = training.parameter(path)
    yield Finding(
        message=f"{of} differ between the {training.ranks} ranks {since}, by up to {value:.2g} of the norm of {path} "
        f"(limit {spread:g}): {cause}",
        places=tuple(p for _, p, _ in sorted(apart, key=lambda entry: -entry[0])),
        evidence=(
            Evidence("weight_rank_spread", path, series.span, value, "above", spread, "ratio", "at the last common step"),
        ),
        severity="error" if everything else "warning",
        confidence=0.97 if everything else 0.6,
        steps=(began, max(training.steps - 1, began)),
        fix=fix,
        source=None if parameter is None else parameter.source,
    )  # fmt: skip


def _cause(training: Training, at_start: bool, paths: Sequence[str]) -> tuple[str, Fix]:
    """What the ranks do differently, in a few words, and what to change."""
    if at_start:
        return "they started from different weights", Fix(
            "give all ranks the same start: DistributedDataParallel sends rank 0's weights to the others when it wraps the "
            "model; load checkpoints before that",
            "model = torch.nn.parallel.DistributedDataParallel(model)",
        )
    spreads = [training.series("gradient_rank_spread", path).finite().values for path in paths]
    gradients = max((float(np.median(values)) for values in spreads if len(values)), default=0.0)
    if gradients > 1e-4:  # averaged ones are equal to the last bit
        return f"their gradients differ too (by {gradients:.2g}), so nothing averages them", Fix(
            "wrap the model in DistributedDataParallel, build the optimizer from its parameters, and call the wrapper, not "
            "model.module, in the forward pass",
            "model = torch.nn.parallel.DistributedDataParallel(model)",
        )
    rates = training.series("learning_rate_rank_spread").finite().values
    if len(rates) and float(rates.max()) > 0:
        return f"their learning rates differ by up to {float(rates.max()):.2g}", Fix(
            "step the scheduler on every rank, with the same numbers: a metric that each rank computes for itself differs"
        )
    return "their gradients are the same, so something else changes the weights of one rank", Fix(
        "look for what runs on one rank alone between the steps: weights that are loaded, averaged, clipped or restored, "
        "an optimizer step inside `if rank == 0`"
    )
