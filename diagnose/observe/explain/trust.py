"""How far a map can be believed: every map is checked, and what fails is told as failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diagnose.explanation import Check
from diagnose.observe.explain.dependence import chance, level
from diagnose.observe.explain.methods import Work
from diagnose.observe.explain.subject import Subject, spread

Maps = tuple[Tensor, ...]
Row = NDArray[np.float64]
Explain = Callable[[Tensor], Maps]

GAP = 0.05  # Sundararajan et al. 2017, section 5: the sum is within 5 % of the change
GAIN = 0.0  # the curve must beat a random order's
NOISE = 0.02  # of each value's spread over the samples; Yeh et al. 2019 use 0.02 of the range
SENSITIVE = 1.0  # a map that changes by more than its own size under invisible noise
LIKENESS = 0.7  # rank correlation with the maps of a network whose weights were shuffled
GAINED = 0.1  # of the loss of a constant answer: untrained networks were measured to reach 0.05 by luck
CHUNKS, ORDERS, DRAWS, JUDGED = 16, 8, 3, 256


def checks(
    work: Work, explain: Explain, rows: Tensor, maps: Maps, *, complete: bool, random: Randomised, orders: int = ORDERS,
    draws: int = DRAWS,
) -> list[tuple[Check, ...]]:  # fmt: skip
    """The trust figures of each sample's map.

    Args:
        explain: the method, to be asked again about changed inputs.
        maps: of each input, (rows, …) of `values`.
        complete: whether the maps must sum to the change of the score.
        random: the networks with shuffled weights.
        orders: random ones that the map's order is compared with.
        draws: of noise on the inputs.
    """
    columns: list[tuple[str, Tensor, str, float]] = []
    if complete:
        columns.append(("completeness", completeness(work, rows, maps), "below", GAP))
    deletion, insertion = curves(work, rows, maps, orders)
    columns.append(("deletion", deletion, "above", GAIN))
    columns.append(("insertion", insertion, "above", GAIN))
    columns.append(("sensitivity", sensitivity(work, explain, rows, maps, draws), "below", SENSITIVE))
    columns.append(("randomisation", random.likeness(explain, rows, maps), "below", LIKENESS))
    if random.gained is not None:
        columns.append(("learnt", torch.full((len(rows),), random.gained), "above", GAINED))
    return [
        tuple(
            Check(name, float(values[i]), comparison, limit)
            for name, values, comparison, limit in columns
            if not torch.isnan(values[i])
        )
        for i in range(len(rows))
    ]


def completeness(work: Work, rows: Tensor, maps: Maps) -> Tensor:
    """(rows,) distance of a map's sum from the score's change, as a share of that change.

    References:
        Sundararajan et al. 2017, axiom "completeness", https://arxiv.org/abs/1703.01365
    """
    whole, empty = work.change(rows)
    change = whole - empty
    total = torch.stack([part.flatten(1).sum(1) for part in maps]).sum(0)
    return (total - change).abs() / change.abs().clamp_min(1e-9)


def curves(work: Work, rows: Tensor, maps: Maps, orders: int = ORDERS) -> tuple[Tensor, Tensor]:
    """(rows,) twice: how much sooner the score falls when the highest values are taken away first than in random order, and
    how much sooner it rises when they are put in first; in shares of the score's whole change.

    References:
        Petsiuk et al. 2018, RISE, section 4, https://arxiv.org/abs/1806.07421; Samek et al. 2017
    """
    subject = work.subject
    reduced = torch.cat([i.reduced(part).flatten(1) for i, part in zip(subject.inputs, maps, strict=True)], 1)
    whole, empty = work.change(rows)
    with torch.no_grad():
        sign = torch.sign(whole - empty)
        order = (reduced * sign[:, None]).argsort(1, descending=True)
        generator = torch.Generator().manual_seed(0)
        features = reduced.shape[1]
        chance = [torch.stack([torch.randperm(features, generator=generator) for _ in rows]) for _ in range(orders)]
        away, into = _areas(work, rows, torch.stack([order, *(other.to(order.device) for other in chance)]))
    scale = sign / (whole - empty).abs().clamp_min(1e-9)
    return (away[1:].mean(0) - away[0]) * scale, (into[0] - into[1:].mean(0)) * scale


def _areas(work: Work, rows: Tensor, orders: Tensor) -> tuple[Tensor, Tensor]:
    """(orders, rows) mean score while the values in each of `orders` (orders, rows, features) are taken away, and put in."""
    many, samples, features = orders.shape
    rank = orders.argsort(2).flatten(0, 1)  # of each feature, (orders × rows, features)
    again = rows.repeat(many)
    cuts = np.unique(np.linspace(0, features, min(CHUNKS, features) + 1).round().astype(int))
    sums = [torch.zeros(many * samples, device=orders.device) for _ in range(2)]
    for cut in cuts:
        for total, gone in zip(sums, (rank < int(cut), rank >= int(cut)), strict=True):
            pairs = zip(again.split(work.budget.batch), gone.split(work.budget.batch), strict=True)
            total += torch.cat([work.forward(*_mixed(work, some, mask), some) for some, mask in pairs])
    away, into = (total.reshape(many, samples) / len(cuts) for total in sums)
    return away, into


def _mixed(work: Work, rows: Tensor, gone: Tensor) -> list[Tensor]:
    """The inputs with the features in `gone` (rows, features) at their baseline."""
    found, first = [], 0
    for given, value, baseline in zip(work.subject.inputs, work.values(rows), work.baselines(len(rows)), strict=True):
        count = int(torch.tensor(given.shape).prod())
        mask = gone[:, first : first + count].reshape(len(rows), *given.shape)
        first += count
        if given.embedding is not None:
            mask = mask.unsqueeze(-1)
        found.append(torch.where(mask, baseline.to(value.dtype), value))
    return found


def sensitivity(work: Work, explain: Explain, rows: Tensor, maps: Maps, draws: int = DRAWS) -> Tensor:
    """(rows,) how far the map moves under invisible noise on the inputs, as a share of its own size; the worst of some draws.

    References:
        Yeh et al. 2019, "On the (in)fidelity and sensitivity of explanations", https://arxiv.org/abs/1901.09392
    """
    generator = torch.Generator().manual_seed(0)
    size = torch.stack([part.flatten(1).square().sum(1) for part in maps]).sum(0).sqrt().clamp_min(1e-12)
    worst = torch.zeros(len(rows))
    for _ in range(draws):
        with _noisy(work.subject, rows, generator):
            moved = explain(rows)
        far = torch.stack([(a - b).flatten(1).square().sum(1) for a, b in zip(moved, maps, strict=True)]).sum(0).sqrt()
        worst = torch.maximum(worst, (far / size).cpu())
    return worst


@contextmanager
def _noisy(subject: Subject, rows: Tensor, generator: torch.Generator) -> Iterator[None]:
    """While open, the inputs carry noise: of `NOISE` of each value's spread; of symbols, their embedding does."""
    plain = [given.raw for given in subject.inputs]
    modules = {id(i.embedding): i.embedding for i in subject.inputs if isinstance(i.embedding, nn.Embedding)}
    weights = [(module.weight, module.weight.data) for module in modules.values()]
    try:
        for given in subject.inputs:
            if given.embedding is None:
                spread = given.raw.std(0, keepdim=True) if len(given.raw) > 1 else given.raw.abs()
                spread = torch.where(spread > 0, spread, given.raw.std())
                drawn = torch.randn(given.raw.shape, generator=generator).to(given.raw)
                given.raw = given.raw + NOISE * spread * drawn
        for parameter, own in weights:
            drawn = torch.randn(own.shape, generator=generator).to(own)
            parameter.data = own + NOISE * own.std() * drawn
        yield
    finally:
        for given, raw in zip(subject.inputs, plain, strict=True):
            given.raw = raw
        for parameter, own in weights:
            parameter.data = own


class Randomised:
    """The same network with shuffled weights: what a map still shows then, it has not from what was learnt.

    References:
        Adebayo et al. 2018, "Sanity checks for saliency maps", section 3, https://arxiv.org/abs/1810.03292
    """

    def __init__(self, subject: Subject, draws: int = DRAWS, judged: int = JUDGED, batch: int = 256) -> None:
        self.subject = subject
        self._judged = spread(len(subject), judged)
        self._seeds = range(draws)
        self.gained = self._gained(batch)

    def _shuffled(self, seed: int) -> dict[str, Tensor]:
        """All parameters with their entries in another order, so that each keeps its spread."""
        generator = torch.Generator().manual_seed(seed)
        drawn = {}
        for name, parameter in self.subject.model.named_parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            drawn[name] = parameter.detach().flatten()[order].reshape(parameter.shape)
        return drawn

    @contextmanager
    def in_place(self, seed: int) -> Iterator[None]:
        """While open, the network has weights shuffled by this seed; drawn anew each time, for they may be large."""
        drawn = self._shuffled(seed)
        parameters = dict(self.subject.model.named_parameters())
        own = {name: parameters[name].data for name in drawn}
        try:
            for name, value in drawn.items():
                parameters[name].data = value
            yield
        finally:
            for name, value in own.items():
                parameters[name].data = value

    def _gained(self, batch: int) -> float | None:
        """The share of the loss of a constant answer, or of the shuffled networks, that the network has done away with.

        None where no loss is known. Of a network that has learnt nothing a map cannot show what was learnt.
        """
        own = level(self.subject, self._judged, batch=batch)
        if own is None:
            return None
        others = [chance(self.subject, self._judged)[0]]
        for seed in self._seeds:
            with self.in_place(seed):
                found = level(self.subject, self._judged, batch=batch)
            others += [] if found is None else [float(found.losses.mean())]
        reference = min((one for one in others if math.isfinite(one)), default=math.nan)
        return 1 - float(own.losses.mean()) / reference if reference > 0 else math.nan

    def likeness(self, explain: Explain, rows: Tensor, maps: Maps) -> Tensor:
        """(rows,) rank correlation of the magnitudes of the maps with those of the shuffled networks', where the input
        differs from its baseline."""
        told = []
        for seed in self._seeds:
            with self.in_place(seed):
                other = explain(rows)
            told.append(self._correlations(rows, maps, other))
        return torch.stack(told).mean(0)

    def _correlations(self, rows: Tensor, maps: Maps, other: Maps) -> Tensor:
        inputs = self.subject.inputs
        ours, theirs = (
            torch.cat([i.reduced(part).flatten(1) for i, part in zip(inputs, some, strict=True)], 1).abs().cpu().numpy()
            for some in (maps, other)
        )
        told = [_spearman(a, b) for a, b in zip(ours, theirs, strict=True)]
        return torch.tensor(told, dtype=torch.float32)


def _spearman(a: Row, b: Row) -> float:
    """Rank correlation over the features that count in either map."""
    there = (a > 0) | (b > 0)
    if there.sum() < 3:
        return float("nan")
    ranks = [_ranks(part[there]) for part in (a, b)]
    if any(rank.std() == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: Row) -> Row:
    """Ranks, equal values sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
