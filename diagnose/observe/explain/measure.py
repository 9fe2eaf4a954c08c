"""Explains one network: chooses, attributes, checks, tries what the answers depend on. The result is plain values."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diagnose.errors import one_line
from diagnose.explanation import (
    Array,
    Check,
    ExplainedInput,
    ExplainedSample,
    Explanation,
    Intervention,
    LayerShare,
    Method,
)
from diagnose.observe.explain.budget import SECONDS, Budget
from diagnose.observe.explain.calls import Row
from diagnose.observe.explain.choice import Choice, choose, plane_layer, sums
from diagnose.observe.explain.dependence import Level, Sizes, chance, interventions, level
from diagnose.observe.explain.kinds import settle, time_axis
from diagnose.observe.explain.layers import layer_shares
from diagnose.observe.explain.methods import STEPS, Work, maps_of
from diagnose.observe.explain.plan import GRADIENT, Plan, fitted, left_out, stages
from diagnose.observe.explain.samples import Shown, numbers
from diagnose.observe.explain.subject import CannotExplain, Subject, spread
from diagnose.observe.explain.trust import Maps, Randomised, checks
from diagnose.observe.networks import is_layer

SAMPLES = 4  # the worst, the best and two ordinary ones
Single = tuple[Tensor, Mapping[str, Tensor]]  # numbers of samples, and the magnitudes of their maps by input


def explained(
    subject: Subject, *, data: str, training_rows: Sequence[Row] = (), method: str | None = None, samples: int = SAMPLES,
    keep: bool = True, names: Sequence[str] = (), notes: Sequence[str] = (), seconds: float = SECONDS,
) -> Explanation:  # fmt: skip
    """The explanation of a subject.

    Args:
        data: where its samples come from, in words.
        training_rows: samples it was trained on, for the comparison of losses.
        method: the only one wanted; None: those that fit.
        samples: how many get maps of their own.
        keep: whether the samples themselves may be kept.
        names: of the features of a table.
        seconds: of processor time that it may take: what does not fit is left out, and said.

    Raises:
        CannotExplain: nothing can be explained, and why.
        UsageError: there is no such method or output.
    """
    with unchanged():
        settle(subject)
        told = Measurement(subject, Budget(subject, seconds), Plan(shown=samples), method)
        importance, single = told.importance()
        exchanged, part, tried = told.exchanges(importance, single)
        told.others()
        layers = told.layers()
        loss, accuracy = (float("nan"), float("nan")) if part is None else (float(part.losses.mean()), part.accuracy)
        constant = chance(subject, tried)
        training_losses = told.training_losses(training_rows)
        methods = sorted(told.methods, key=lambda one: one.refused is not None)
        return Explanation(
            network=subject.name, method=told.first, why=methods[0].why, task=subject.task, data=data,
            inputs=tuple(_input(given, subject, names) for given in subject.inputs), methods=tuple(methods),
            samples=tuple(told.shown(keep)), global_importance=importance, layers=layers,
            interventions=tuple(exchanged), loss=loss, accuracy=accuracy, chance=constant[0], chance_accuracy=constant[1],
            count=len(tried), losses=np.empty(0) if told.whole is None else numbers(told.whole.losses),
            training_losses=training_losses, notes=(*notes, *told.notes()),
        )  # fmt: skip


class Measurement:
    """What is measured of a subject, stage by stage. Before each the plan is fitted anew to the time that is left."""

    def __init__(self, subject: Subject, budget: Budget, wanted: Plan, method: str | None) -> None:
        layers = sum(is_layer(part) for part in subject.model.modules())
        self.subject, self.budget, self.wanted = subject, budget, replace(wanted, layers=min(wanted.layers, layers))
        self.plan = self.wanted
        self._done: list[str] = []
        self._spent = self._planned = 0.0  # seconds of the stages that lie behind, and what they were thought to take
        self._choices = choose(subject, method)
        self._usable = [choice.name for choice in self._choices if choice.refused is None]
        self.fit()
        self.count = len(subject)
        if self.plan.looked_at < self.count:
            subject.restrict(spread(self.count, self.plan.looked_at))
        with self._stage("losses"):
            everything = torch.arange(len(subject))
            with torch.no_grad():
                self.predictions = torch.cat([subject.predict(part) for part in everything.split(budget.batch)])
            self.work = Work(subject, budget, subject.chosen(self.predictions), plane_layer(subject), self.plan.steps)
            self.whole = level(subject, everything, batch=budget.batch)
        with self._stage("learnt"):
            self.shuffled = Randomised(subject, self.plan.draws, self.plan.judged, budget.batch)
        self.roles = roles(self.whole, len(subject), self.plan.shown)
        self.maps: dict[str, Maps] = {}
        self.trusted: dict[str, list[tuple[Check, ...]]] = {}
        self.methods: list[Method] = []
        self.first = self._main()

    def fit(self) -> None:
        """Leaves out what the time that is left does not allow."""
        pace = self._spent / self._planned if self._planned > 0.03 * self.budget.seconds else 1.0
        self.plan = fitted(self.wanted, self.plan, self.subject, self.budget, self._usable, done=self._done, pace=pace)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.fit()
        planned, began = self._price(name), self.budget.used
        yield
        self._done.append(name)
        self._planned += planned
        self._spent += self.budget.used - began

    def _price(self, name: str) -> float:
        return stages(self.plan, self.subject, self.budget, self._usable).get(name, 0.0) if self._usable else 0.0

    def _main(self) -> str:
        """The first method that gives maps; the findings rest on it."""
        while self._choices:
            choice = self._choices.pop(0)
            if choice.refused is None:
                with self._stage("first"):
                    if self.plan.gradient and choice.name == "integrated-gradients":
                        why = f"integrated gradients would take {self._of_time(choice.name)}: a single gradient in their place"
                        choice = Choice(GRADIENT, why)
                        self._usable[0] = GRADIENT
                    self.work.most_steps = self._affordable()
                    choice = self._attributed(choice)
                if choice.refused is not None:
                    self._usable = self._usable[1:]
                    self._done.remove("first")
            self.methods.append(_method(choice, self.subject, self.trusted.get(choice.name)))
            if choice.refused is None:
                return choice.name
        raise CannotExplain(f"{self.subject.name}: " + "; ".join(f"{m.name}: {m.refused}" for m in self.methods))

    def _affordable(self) -> int:
        """Points of the path integral for which half of the time that is left suffices: of the maps, and of those of the checks."""
        each = self.plan.shown * (2 + 2 * self.plan.draws) * self.budget.cost
        return max(min(STEPS, self.plan.steps), min(self.plan.steps, int(0.5 * self.budget.left / max(each, 1e-9))))

    def others(self) -> None:
        """Further methods: second opinions."""
        for choice in self._choices:
            if choice.refused is None:
                self.fit()
                if choice.name in self._usable[1 : 1 + self.plan.others]:
                    with self._stage(choice.name):
                        choice = self._attributed(choice)
                else:
                    choice = replace(choice, refused=f"no time for it: it would take {self._of_time(choice.name)}")
            self.methods.append(_method(choice, self.subject, self.trusted.get(choice.name)))

    def _of_time(self, name: str) -> str:
        planned = stages(replace(self.plan, others=len(self._usable), gradient=False), self.subject, self.budget, self._usable)
        seconds = planned.get(name, planned["first"])
        return f"about {seconds:.2g} s, and {self.budget.left:.2g} of {self.budget.seconds:g} s are left for all"

    def _attributed(self, choice: Choice) -> Choice:
        """Maps and checks of one method; a method that fails is refused with what it said."""
        rows = torch.tensor([number for _, number in self.roles])

        def explain(wanted: Tensor) -> Maps:
            return maps_of(self.work, choice.name, wanted)

        try:
            found = explain(rows)
            if not all(bool(torch.isfinite(part).all()) for part in found):
                return replace(choice, refused="its maps hold nan or infinity", instead="feature-ablation")
            self.maps[choice.name] = found
            self.trusted[choice.name] = checks(
                self.work, explain, rows, found, complete=sums(choice.name), random=self.shuffled, orders=self.plan.orders,
                draws=self.plan.draws,
            )  # fmt: skip
        except CannotExplain as error:
            self.maps.pop(choice.name, None)
            return replace(choice, refused=str(error), instead="occlusion")
        except (RuntimeError, AssertionError, NotImplementedError, IndexError, ValueError, TypeError) as error:
            self.maps.pop(choice.name, None)
            said = one_line(str(error))[:200]
            other = "feature-ablation" if choice.name != "feature-ablation" else "integrated-gradients"
            return replace(choice, refused=f"it failed on this network: {said}", instead=other)
        return choice

    def importance(self) -> tuple[dict[str, Array], Single]:
        """Mean magnitude of the maps over the samples, by input, in a sample's shape; and the samples' own, with their numbers."""
        subject, total = self.subject, dict[str, list[Tensor]]()
        with self._stage("importance"):
            rows = spread(len(subject), self.plan.overall)
            for part in rows.split(max(1, self.budget.batch // 4)):
                for given, one in zip(subject.inputs, maps_of(self.work, self.first, part), strict=True):
                    total.setdefault(given.id, []).append(given.reduced(one).abs())
        single = {id: torch.cat(parts) for id, parts in total.items()}
        return {id: numbers(maps.mean(0)) for id, maps in single.items()}, (rows, single)

    def exchanges(self, importance: Mapping[str, Array], single: Single) -> tuple[list[Intervention], Level | None, Tensor]:
        """What exchanges of parts of the input cost, how well the samples do on which they were tried, and those samples."""
        with self._stage("exchanges"):
            tried = spread(len(self.subject), self.plan.tried)
            part = level(self.subject, tried, batch=self.budget.batch)
            if part is None or not self.plan.exchanges:
                return [], part, tried
            sizes = Sizes(self.plan.screened, self.plan.draws, self.budget.batch)
            return interventions(self.subject, tried, importance, part, sizes, single), part, tried

    def layers(self) -> tuple[LayerShare, ...]:
        """What passes through each layer, of methods whose maps are gradients that sum up."""
        if not sums(self.first) or self.first == "shapley-sampling":
            return ()
        with self._stage("layers"):
            found = tuple(layer_shares(self.work, spread(len(self.subject), self.plan.layered), self.plan.layers))
        if self.budget.left <= 0:
            self.plan = replace(self.plan, layers=len(found))
        return found

    def training_losses(self, rows: Sequence[Row]) -> Array:
        """The losses of samples that it was trained on."""
        most = min(self.plan.looked_at, int(self.budget.left / max(self.budget.forward, 1e-9)))
        return _training_losses(self.subject, rows[: max(SAMPLES, most)], self.budget.batch)

    def shown(self, keep: bool) -> Iterator[ExplainedSample]:
        """The samples with maps of their own."""
        return Shown(self.subject, self.work, self.roles, self.maps, self.trusted, self.predictions, self.whole, keep).samples()

    def notes(self) -> list[str]:
        """What one should know of how it was measured."""
        said = left_out(self._measured(), self.wanted, self.count, len(self._usable) - 1, self.budget)
        drawn = "the network draws random numbers even in evaluation mode: each pass was given the same ones"
        return [*([said] if said else []), *([drawn] if self.subject.seed is not None else [])]

    def _measured(self) -> Plan:
        """The plan as it came: fewer points of the path where more would have been needed and there was no time for them."""
        return replace(self.plan, steps=self.work.most_steps if self.work.wanting else self.wanted.steps)


@contextmanager
def unchanged() -> Iterator[None]:
    """While open, random numbers may be drawn and grad mode changed: afterwards all is as it was."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 the program's generator is what is kept
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=devices), torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # captum's own: they are no concern of the program's
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def roles(whole: Level | None, count: int, samples: int) -> list[tuple[str, int]]:
    """The worst, the best and ordinary samples by their loss: those at equal distances in between."""
    if whole is None:
        return [("ordinary", int(n)) for n in np.linspace(0, count - 1, min(samples, count)).astype(int)]
    order = np.argsort(-numbers(whole.losses), kind="stable")
    if count <= samples:
        picked = list(range(count))
    else:
        picked = [round(float(x)) for x in np.linspace(0, count - 1, samples)]
    last = len(picked) - 1
    roles = ["worst" if i == 0 else "best" if i == last else "ordinary" for i in range(len(picked))]
    return [(role, int(order[at])) for role, at in zip(roles, picked, strict=True)]


def _method(choice: Choice, subject: Subject, trusted: Sequence[tuple[Check, ...]] | None) -> Method:
    baseline = "" if choice.name in ("grad-cam", "saliency") else "; ".join(f"{i.id}: {i.said}" for i in subject.inputs)
    if choice.refused is not None:
        return Method(choice.name, choice.why, baseline, choice.refused, choice.instead)
    typical = []
    for check in (trusted or [()])[0]:
        same = [c.value for sample in trusted or () for c in sample if c.name == check.name]
        typical.append(replace(check, value=float(np.median(same))))
    return Method(choice.name, choice.why, baseline, trust=tuple(typical))


def _training_losses(subject: Subject, rows: Sequence[Row], batch: int) -> Array:
    """The losses of samples that it was trained on, by the network as it is now and in evaluation mode."""
    shape = [slot.shape[1:] for slot in subject.slots]
    fit = [r for r in rows if r.target is not None and [t.shape for t in r.tensors] == shape]
    fit = [r for r in fit if subject.targets is not None and r.target is not None and r.target.shape == subject.targets.shape[1:]]
    if not fit:
        return np.empty(0)
    own = subject.slots, subject.targets
    try:
        device = own[0][0].device
        subject.slots = [torch.stack([r.tensors[i] for r in fit]).to(device) for i in range(len(shape))]
        subject.targets = torch.stack([r.target for r in fit if r.target is not None]).to(device)
        found = level(subject, torch.arange(len(fit)), batch=batch)
    finally:
        subject.slots, subject.targets = own
    return np.empty(0) if found is None else numbers(found.losses)


def _input(given: Any, subject: Subject, names: Sequence[str]) -> ExplainedInput:
    own = tuple(names) if given.kind == "tabular" and len(names) == (given.shape[0] if given.shape else 0) else ()
    return ExplainedInput(given.id, given.kind, given.shape, str(given.raw.dtype).removeprefix("torch."), given.said, own,
                          given.padding, time_axis(given, subject))  # fmt: skip
