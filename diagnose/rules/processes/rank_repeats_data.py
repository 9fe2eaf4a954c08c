from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Training


@rule(needs=("ranks",))
def rank_repeats_data(
    training: Training, *, share: float = 0.5, weights_spread: float = 1e-5, min_samples: int = 64
) -> Iterator[Finding]:
    """Several processes train on the same samples.

    What it does:
        Compares hashes of the samples between the ranks: which share of a rank's samples another rank has at the very
        same step, or within the first epoch. More than `share` of at least `min_samples` is reported, unless a rank meets as
        many of them twice by itself. Only copies of one network are compared (their weights differ by at most
        `weights_spread`, or FSDP has spread them).

    Why is this bad:
        The ranks do the same work: N processes cost N times as much and learn what one would learn, with the batch size of
        one. Where only the order differs, each epoch passes over the data N times.

    Fix:
        Give the DataLoader a `DistributedSampler` and call its `set_epoch`; an `IterableDataset` must take every N-th sample
        by itself.

    Known problems:
        Ranks that hold parts of one model (tensor or pipeline parallelism) must see the same samples: parts written by hand
        have different weights and are not compared. Data with few different samples repeat everywhere: nothing is said.

    Example:
        `DataLoader(dataset, shuffle=True)` under torchrun, with the same seed on every rank

    References:
        PyTorch documentation, DistributedSampler,
        https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler. Measured: 0 within a
        step and at most (ranks - 1) / samples within an epoch with it (it pads the last batch), 1 without it.
    """
    told = training.facts.get("rank_repeats")
    if not isinstance(told, dict) or told.get("samples", 0) < min_samples or not _copies(training, weights_spread):
        return
    step, epoch, samples = told["step"], told.get("epoch"), told["samples"]
    at_once = step > share and told["own_step"] < 0.5 * step
    if not at_once and not (epoch is not None and epoch > share and told["own"] < 0.5 * epoch):
        return
    value = float(step if at_once or epoch is None else epoch)
    loader = training.facts.get("data", {}).get("loader") or {}
    sampler = loader.get("sampler")
    with_sampler = f" (sampler: {sampler})" if sampler else ""
    where = "at the same step" if at_once else "within one epoch"
    what = "do the same work" if at_once else f"pass over the data {training.ranks} times an epoch"
    source = next((site.source for site in training.training_losses if site.source), None)
    yield Finding(
        message=f"{value:.0%} of a rank's samples are another rank's too, {where} (limit {share:.0%} of {samples} "
        f"samples){with_sampler}: the {training.ranks} ranks {what}",
        places=("data",),
        evidence=(
            Evidence("rank_repeats", None, signs.span(training), value, "above", share, "share", f"share {where}"),
        ),
        severity="warning",
        confidence=0.95 if at_once else 0.8,
        steps=signs.span(training),
        fix=Fix(
            "give each rank its own part of the data, and call sampler.set_epoch(epoch) before each epoch",
            "sampler = torch.utils.data.distributed.DistributedSampler(dataset)\n"
            f"loader = DataLoader(dataset, batch_size={loader.get('batch_size') or '…'}, sampler=sampler)",
        ),
        source=source,
    )  # fmt: skip


def _copies(training: Training, spread: float) -> bool:
    """Whether the ranks hold copies of one network, or pieces that FSDP makes of copies."""
    wrappers = (training.facts.get("wrappers") or {}).values()
    if any(p.shard is not None for p in training.parameters):
        one_axis = all(p.shard is None or p.shard.get("axes") == 1 for p in training.parameters)
        return one_axis and any("FSDP" in str(name) or "FullySharded" in str(name) for name in wrappers)
    values = [training.series("weight_rank_spread", path).finite().values for path in training.places("weight_rank_spread")]
    last = [float(one[-1]) for one in values if len(one)]
    return bool(last) and max(last) <= spread
