"""Keeps a few samples of what a program evaluates and trains on, and the networks they were given to."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from diagnose.observe.explain.calls import Call, Loss, Output, Row, by_sample, call_of, output_of, tensors
from diagnose.observe.networks import unwrapped

MOST = 512  # samples kept of a set
BYTES = 32 * 2**20  # and no more than this of a set, though at least LEAST samples
LEAST = 8
PASSES = 3  # over an evaluation set, after which no more samples are taken from it
NETWORKS = 3  # kept alive: the last that were used


@dataclass
class SampleSet:
    """A sample of the samples that went through a network at one place of the program (reservoir sampling)."""

    name: str
    training: bool
    order: int  # how sure the target and the loss are: 0 the program's loss, 1 its loss repeated, 2 the loader's, 3 none
    call: Call
    output: Output
    loss: Loss | None
    most: int
    rows: list[Row] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    seen: int = 0
    ticks: list[int] = field(default_factory=list)
    calls: int = 0


@dataclass
class Kept:
    """A network that is to be explained."""

    module: nn.Module
    name: str
    stream: int
    sets: dict[Any, SampleSet] = field(default_factory=dict)

    def best(self, *, training: bool) -> SampleSet | None:
        """The set with the surest loss, then the most often used; of training the sets of all lines with that loss together,
        since a discriminator is shown what is real on one line and what is made on another."""
        mine = [s for s in self.sets.values() if s.training is training and s.rows]
        found = min(mine, key=lambda s: (s.order, -s.calls), default=None)
        if found is None or not training or found.loss is None:
            return found
        alike = [s for s in mine if s.order == found.order and s.loss is not None and s.loss.name == found.loss.name
                 and (s.output, s.call.names) == (found.output, found.call.names)]  # fmt: skip
        rows = [row for some in zip_longest(*(s.rows for s in alike)) for row in some if row is not None]
        return replace(found, rows=rows[: found.most], seen=sum(s.seen for s in alike))


@dataclass
class _Seen:
    """A call of a network whose loss may follow."""

    kept: Kept
    module: nn.Module
    args: Any
    kwargs: Any
    output: Any
    training: bool


class Keeper:
    """Listens to a session; what fails here is told at the end and touches nothing else."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.failed: str | None = None
        self.kept: dict[int, Kept] = {}
        self._seen: deque[_Seen] = deque(maxlen=4)
        self._random = random.Random(0)  # of our own: the program's generators are not touched

    def called(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """A network was called."""
        self._safely(self._called, module, args, kwargs, output, torch.is_grad_enabled())

    def lossed(self, call: Any, original: Any, args: Any, kwargs: Any, prediction: Any, target: Any) -> None:
        """A loss of torch was computed."""
        self._safely(self._lossed, call, original, args, kwargs, prediction, target)

    def stepped(self) -> None:
        """A step has ended: no batch of the program is held any longer."""
        self._seen.clear()

    def _safely(self, what: Any, *given: Any) -> None:
        if self.failed is not None:
            return
        began = time.perf_counter()
        try:
            with torch.no_grad():
                what(*given)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            self.kept.clear()
            self._seen.clear()
        finally:  # asked for, and no part of what recording may cost
            self.session.schedule.spent -= time.perf_counter() - began

    def _called(self, module: nn.Module, args: Any, kwargs: Any, output: Any, graded: bool) -> None:
        training = module.training and graded
        if training and any(given.requires_grad for given in (*tensors(args), *tensors(kwargs))):
            return  # another network made it, which is what is trained by this call: a generator's step
        kept = self._kept(module)
        seen = _Seen(kept, module, args, kwargs, output, training)
        self._seen.append(seen)
        role = self.session.shadow.role
        batch = [ref() for ref in self.session.data.batch]
        if role is not None and not graded and role.position < len(batch):
            target = batch[role.position]
            if isinstance(target, Tensor):
                loss = Loss(role.call.function, role.original, role.args, role.kwargs)
                self._take(seen, ("shadow", self._loader()), "evaluation", 1, Output(), loss, target)
        elif len(batch) > 1 and isinstance(batch[1], Tensor) and any(arg is batch[0] for arg in args):
            self._take(seen, ("loader", self._loader()), "loader", 2, Output(), None, batch[1])
        else:
            self._take(seen, ("inputs",), "inputs", 3, Output(), None, None)

    def _lossed(self, call: Any, original: Any, args: Any, kwargs: Any, prediction: Any, target: Any) -> None:
        if not isinstance(prediction, Tensor) or not isinstance(target, Tensor):
            return
        for seen in reversed(self._seen):
            key = (call.key, call.lines, None if call.loader is None else call.loader["id"])
            output = output_of(seen.output, prediction)
            if output is None:
                continue
            rest = {k: v for k, v in kwargs.items() if k not in ("input", "target")}
            loss = Loss(call.function, original, tuple(args[2:]), rest)
            self._take(seen, key, call.name, 0, output, loss, target)
            return

    def _loader(self) -> Any:
        loader = self.session.data.loader
        return None if loader is None else loader["id"]

    def _kept(self, module: nn.Module) -> Kept:
        kept = self.kept.pop(id(module), None)
        if kept is None:
            stream = self.session.calls.stream_called()
            name = self.session.calls.network_name(module)
            kept = Kept(unwrapped(module), name, 0 if stream is None else stream.index)
        self.kept[id(module)] = kept  # the last used stands last
        while len(self.kept) > NETWORKS:
            self.kept.pop(next(iter(self.kept)))
        return kept

    def _take(
        self, seen: _Seen, key: Any, name: str, order: int, output: Output, loss: Loss | None, target: Tensor | None
    ) -> None:
        key = (seen.training, *key)
        sets = seen.kept.sets
        surest = min((s.order for s in sets.values() if s.training is seen.training), default=order)
        if order > max(surest, 1):
            return
        if surest > max(order, 1):  # what came before knew less
            for poorer in [k for k, s in sets.items() if s.training is seen.training and s.order > max(order, 1)]:
                del sets[poorer]
        into = sets.get(key)
        tick = self.session.tick
        if into is not None:
            into.calls += 1
            if tick not in into.ticks:
                if len(into.ticks) >= PASSES and not seen.training:
                    return
                into.ticks = [*into.ticks[-PASSES:], tick]
            elif seen.training and into.seen > 20 * into.most:
                return
        prediction = output.pick(seen.output) if seen.output is not None and any(True for _ in tensors(seen.output)) else None
        made = call_of(seen.module, seen.args, seen.kwargs, prediction)
        if isinstance(made, str):
            if not seen.kept.sets:
                self.session.blind(seen.kept.name, f"cannot be explained: {made}")
            return
        call, samples = made
        amount = samples[0].shape[0]
        if into is None:
            size = sum(s.element_size() * s[0].numel() for s in samples) if amount else 1
            most = max(LEAST, min(MOST, BYTES // max(1, size)))
            into = sets[key] = SampleSet(name, seen.training, order, call, output, loss, most)
            into.ticks, into.calls = [tick], 1
        own = None if target is None else by_sample(target, amount, call.axis)
        for i in range(amount):
            self._put(into, [s[i] for s in samples], None if own is None else own[i])

    def _put(self, into: SampleSet, parts: Sequence[Tensor], target: Tensor | None) -> None:
        """Reservoir sampling (Vitter 1985, algorithm R): every sample is as likely to stay; none is kept twice."""
        into.seen += 1
        at = len(into.rows) if len(into.rows) < into.most else self._random.randrange(into.seen)
        if at >= into.most:
            return
        mark = hash(tuple(t.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if t.dim() else float(t)
                          for t in parts))  # fmt: skip
        if mark in into.marks:
            return
        row = Row([t.detach().clone() for t in parts], None if target is None else target.detach().clone())
        if at == len(into.rows):
            into.rows.append(row)
            into.marks.append(mark)
        else:
            into.rows[at], into.marks[at] = row, mark

