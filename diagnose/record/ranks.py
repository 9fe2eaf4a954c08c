"""Joins what the ranks of one job recorded: no rank spoke to another while it ran, so the reader puts them together.

One training by several processes is read as the one training it is. Its loss is the mean over the ranks, which is what data
parallel training minimises. A parameter that is spread over ranks (FSDP, DTensor) has the norm √Σ norm² of its pieces. What
only a comparison can tell becomes a quantity of its own: `weight_rank_spread`, `gradient_rank_spread`, `loss_rank_spread`,
`learning_rate_rank_spread` are (largest - smallest) / mean over the ranks; `rank_lag` of "rank 1" is how much longer than the
others that rank works before they can exchange gradients, as a share of the step. Everything else is the first rank's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from diagnose.finding import BlindSpot
from diagnose.record.samples import Samples, repeats
from diagnose.run import Event, Floats, Parameter, Series, Steps, Training

Key = tuple[str, str | None]
SPREADS = {  # compared between the ranks: name of the spread, and whether at each parameter
    "weight_norm": ("weight_rank_spread", True),
    "gradient_norm": ("gradient_rank_spread", True),
    "loss": ("loss_rank_spread", False),
    "learning_rate": ("learning_rate_rank_spread", False),
}
AVERAGED = ("loss", "training_loss")
EITHER_RANK = ("non-finite", "probe-failed")  # events of which any rank's counts


def joined(
    ranks: Mapping[int, Sequence[Training]], samples: Mapping[int, Sequence[Samples]]
) -> tuple[list[Training], list[BlindSpot]]:
    """The trainings of a run, each joined over the ranks that took part in it.

    Args:
        ranks: the trainings that each rank recorded, in the order in which they began.
        samples: the samples of each of them.
    """
    first = min(ranks)
    made, blind = [], []
    for i, training in enumerate(ranks[first]):
        part = {rank: own[i] for rank, own in ranks.items() if i < len(own) and _alike(own[i], training)}
        if len(part) < 2:
            made.append(training)
            continue
        seen = {rank: samples[rank][i] for rank in part}
        one, missing = _joined(part, seen)
        made.append(one)
        blind += missing
    return made, blind


def _alike(one: Training, other: Training) -> bool:
    """Whether two ranks' trainings are the same one: the program may train something else on one rank alone."""
    return [o.type for o in one.optimizers] == [o.type for o in other.optimizers]


def _joined(ranks: Mapping[int, Training], samples: Mapping[int, Samples]) -> tuple[Training, list[BlindSpot]]:
    training = ranks[min(ranks)]
    series = training.everything()
    parameters, missing = _whole(ranks, series)
    for key in [key for key in series if key[0] in AVERAGED]:
        mean = _across(ranks, key, lambda table: table.mean(0))
        if mean is not None:
            series[key] = replace(series[key], steps=mean[0], values=mean[1])
    for key, spread in _spreads(ranks, parameters):
        series[key] = spread
    for rank, lag in _lags(ranks).items():
        series["rank_lag", f"rank {rank}"] = lag
    facts = dict(training.facts)
    found = repeats(samples, training.epochs)
    if found is not None:
        facts["rank_repeats"] = found
    blind = [
        BlindSpot(path, f"spread over {count} processes, not all of whose records are here: its norms are not known")
        for path, count in missing
    ]
    return Training(
        id=training.id, kind=training.kind, kind_evidence=training.kind_evidence, steps=training.steps,
        layers=training.layers, parameters=parameters, edges=training.edges, losses=training.losses,
        evaluations=training.evaluations, inputs=training.inputs, optimizers=training.optimizers,
        networks=training.networks, events=_events(ranks), epochs=training.epochs, facts=facts, series=series,
        ranks=len(ranks), explanations=training.explanations,
    ), blind  # fmt: skip


def _table(ranks: Mapping[int, Training], key: Key) -> tuple[Steps, Floats] | None:
    """What each rank that has it recorded at the steps that all of them recorded: (steps,), (ranks, steps)."""
    all_ = [one.series(*key) for one in ranks.values()]
    known = [one for one in all_ if len(one) and one.values.ndim == 1]
    if len(known) < 2:
        return None
    steps = reduce(np.intersect1d, [one.steps for one in known])
    if not len(steps):
        return None
    return steps, np.stack([one.values[np.searchsorted(one.steps, steps)] for one in known])


def _across(
    ranks: Mapping[int, Training], key: Key, combine: Callable[[Floats], Floats]
) -> tuple[Steps, Floats] | None:
    found = _table(ranks, key)
    return None if found is None else (found[0], combine(found[1]))


# -- parameters in pieces ----------------------------------------------------------------------------------------------


def _whole(
    ranks: Mapping[int, Training], series: dict[Key, Series]
) -> tuple[tuple[Parameter, ...], list[tuple[str, int]]]:
    """Puts the pieces of spread parameters together, in `series`; the parameters, and those that lack a piece."""
    training = ranks[min(ranks)]
    spread = {p.path: p.shard for p in training.parameters if p.shard is not None}
    for key, shard in [(key, spread[key[1]]) for key in series if key[1] in spread]:
        holders = [rank for rank in shard["ranks"] if rank in ranks]
        found = _table({rank: ranks[rank] for rank in holders}, key) if len(holders) == len(shard["ranks"]) else None
        if found is None or len(found[1]) < len(holders):
            del series[key]
            continue
        sizes = [_size(ranks[rank], key[1]) for rank in holders]
        values = _combined(key[0], found[1], np.array(sizes, float), int(shard.get("copies", 1)))
        series[key] = replace(series[key], steps=found[0], values=values)
    parameters = tuple(_whole_parameter(p, ranks) for p in training.parameters)
    lacking = [
        (path, len(shard["ranks"]))
        for path, shard in spread.items()
        if shard is not None and not set(shard["ranks"]) <= set(ranks)
    ]
    return parameters, lacking


def _combined(quantity: str, table: Floats, sizes: NDArray[np.float64], copies: int) -> Floats:
    """A quantity of the whole from those of its pieces, (ranks, steps) → (steps,)."""
    if quantity.endswith("_norm"):
        return np.asarray(np.sqrt(np.square(table).sum(0) / copies))
    weights = np.where(np.isnan(table), 0.0, sizes[:, None])
    with np.errstate(invalid="ignore"):
        return np.asarray((np.nan_to_num(table) * weights).sum(0) / weights.sum(0))


def _size(training: Training, path: str | None) -> int:
    parameter = training.parameter(path) if path is not None else None
    return 0 if parameter is None or parameter.shard is None else int(parameter.shard.get("size", 0))


def _whole_parameter(parameter: Parameter, ranks: Mapping[int, Training]) -> Parameter:
    """A parameter with the statistics, before the first step, of all its pieces."""
    if parameter.shard is None or not set(parameter.shard["ranks"]) <= set(ranks):
        return parameter
    own = [ranks[rank].parameter(parameter.path) for rank in parameter.shard["ranks"]]
    pieces = [(p.initial, int(p.shard["size"])) for p in own if p is not None and p.shard is not None and p.initial]
    total = sum(size for _, size in pieces)
    if not total:
        return parameter
    mean = sum(one["mean"] * size for one, size in pieces) / total
    square = sum((one["std"] ** 2 + one["mean"] ** 2) * size for one, size in pieces) / total
    norm = sum(one["norm"] ** 2 for one, _ in pieces) / int(parameter.shard.get("copies", 1))
    return replace(
        parameter,
        initial={
            "mean": mean, "std": max(0.0, square - mean**2) ** 0.5, "min": min(one["min"] for one, _ in pieces),
            "max": max(one["max"] for one, _ in pieces), "norm": norm**0.5,
        },
    )  # fmt: skip


# -- compared ----------------------------------------------------------------------------------------------------------


def _spreads(ranks: Mapping[int, Training], parameters: Sequence[Parameter]) -> list[tuple[Key, Series]]:
    whole = [p.path for p in parameters if p.shard is None]  # pieces differ as they should
    found = []
    for quantity, (name, everywhere) in SPREADS.items():
        for place in whole if everywhere else (None,):
            spread = _across(ranks, (quantity, place), _spread)
            if spread is not None:
                found.append(((name, place), Series(name, place, *spread, "ratio")))
    return found


def _spread(table: Floats) -> Floats:
    """(largest - smallest) / mean magnitude over the ranks; 0 where all are 0."""
    level = np.abs(table).mean(0)
    return np.asarray((table.max(0) - table.min(0)) / np.where(level == 0, 1.0, level))


def _lags(ranks: Mapping[int, Training]) -> dict[int, Series]:
    """How much longer each rank works until its backward than the middle one of the others, as a share of the step."""
    tables = [_filled(ranks, name) for name in ("data_seconds", "forward_seconds", "seconds", "evaluation_seconds")]
    data, forward, all_seconds, evaluation = tables
    if forward is None or all_seconds is None or len(forward[1]) < len(ranks) or len(all_seconds[1]) < len(ranks):
        return {}
    steps = all_seconds[0]
    work = forward[1] + (0.0 if data is None or data[1].shape != forward[1].shape else data[1])
    whole = all_seconds[1] - (
        0.0 if evaluation is None or evaluation[1].shape != all_seconds[1].shape else evaluation[1]
    )
    each = np.maximum(whole.mean(0), 1e-9)
    lags = {}
    for i, rank in enumerate(ranks):
        others = np.median(np.delete(work, i, axis=0), axis=0)
        lags[rank] = Series("rank_lag", f"rank {rank}", steps, (work[i] - others) / each, "share of a step")
    return lags


def _filled(ranks: Mapping[int, Training], quantity: str) -> tuple[Steps, Floats] | None:
    found = _table(ranks, (quantity, None))
    return None if found is None else (found[0], np.nan_to_num(found[1]))


def _events(ranks: Mapping[int, Training]) -> list[Event]:
    """The first rank's events, and what any other was the first to see: a number that is none may come from its data."""
    found = list(ranks[min(ranks)].events)
    told = {(event.kind, event.step, event.place) for event in found}
    for rank, training in ranks.items():
        for event in training.events:
            if event.kind in EITHER_RANK and (event.kind, event.step, event.place) not in told:
                told.add((event.kind, event.step, event.place))
                found.append(replace(event, details={**event.details, "rank": rank}))
    return found
