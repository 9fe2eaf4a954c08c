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
from diagnose.explanation import Array, Check, ExplainedInput, ExplainedSample, Explanation, Method
from diagnose.observe.explain.budget import Budget
from diagnose.observe.explain.calls import Row
from diagnose.observe.explain.choice import Choice, choose, plane_layer, sums
from diagnose.observe.explain.dependence import Level, chance, interventions, level
from diagnose.observe.explain.kinds import settle
from diagnose.observe.explain.layers import layer_shares
from diagnose.observe.explain.methods import STEPS, WAYS, Work
from diagnose.observe.explain.subject import CannotExplain, Subject, spread
from diagnose.observe.explain.trust import Maps, Randomised, checks

SAMPLES = 4  # the worst, the best and two ordinary ones
GLOBAL = 64  # samples whose maps make the global importance, at most
TRIED = 256  # samples on which exchanges are tried, at most
LAYERED = 16  # samples for the layers' shares
LARGEST = 200_000  # values of a sample that are kept of a map


def explained(
    subject: Subject, *, data: str, training_rows: Sequence[Row] = (), method: str | None = None, samples: int = SAMPLES,
    keep: bool = True, names: Sequence[str] = (), notes: Sequence[str] = (),
) -> Explanation:  # fmt: skip
    """The explanation of a subject.

    Args:
        data: where its samples come from, in words.
        training_rows: samples it was trained on, for the comparison of losses.
        method: the only one wanted; None: those that fit.
        samples: how many get maps of their own.
        keep: whether the samples themselves may be kept.
        names: of the features of a table.

    Raises:
        CannotExplain: nothing can be explained, and why.
        UsageError: there is no such method or output.
    """
    with unchanged():
        settle(subject)
        budget = Budget(subject)
        everything = torch.arange(len(subject))
        with torch.no_grad():
            predictions = torch.cat([subject.predict(part) for part in everything.split(budget.batch)])
        work = Work(subject, budget, subject.chosen(predictions), plane_layer(subject))
        whole = level(subject, everything, batch=budget.batch)
        choices = choose(subject, method)
        shown = _roles(whole, len(subject), samples)
        rows = torch.tensor([number for _, number in shown])
        shuffled = Randomised(subject)
        methods: list[Method] = []
        maps: dict[str, Maps] = {}
        trusted: dict[str, list[tuple[Check, ...]]] = {}
        for choice in choices:
            if choice.refused is None:
                choice = _attributed(choice, work, rows, shuffled, maps, trusted)
            methods.append(_method(choice, subject, trusted.get(choice.name)))
        methods.sort(key=lambda one: one.refused is not None)
        if not maps:
            raise CannotExplain(f"{subject.name}: " + "; ".join(f"{m.name}: {m.refused}" for m in methods))
        first = methods[0].name
        importance = _importance(work, first)
        tried = spread(len(subject), TRIED)
        part = level(subject, tried, batch=budget.batch)
        exchanged = [] if part is None else interventions(subject, tried, importance, part, budget.batch)
        told = ExplanationParts(subject, work, shown, maps, trusted, predictions, whole, keep)
        loss, accuracy = (float("nan"), float("nan")) if part is None else (float(part.losses.mean()), part.accuracy)
        constant = chance(subject, tried)
        return Explanation(
            network=subject.name, method=first, why=methods[0].why, task=subject.task, data=data,
            inputs=tuple(_input(given, names) for given in subject.inputs), methods=tuple(methods),
            samples=tuple(told.samples()), global_importance=importance,
            layers=tuple(layer_shares(work, spread(len(subject), LAYERED))) if sums(first) and first != "shapley-sampling" else (),
            interventions=tuple(exchanged), loss=loss, accuracy=accuracy, chance=constant[0], chance_accuracy=constant[1],
            count=len(tried), losses=np.empty(0) if whole is None else _numbers(whole.losses),
            training_losses=_training_losses(subject, training_rows, budget.batch),
            notes=(*notes, *_notes(subject)),
        )  # fmt: skip


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


def _attributed(
    choice: Choice, work: Work, rows: Tensor, shuffled: Randomised, maps: dict[str, Maps],
    trusted: dict[str, list[tuple[Check, ...]]],
) -> Choice:  # fmt: skip
    """Maps and checks of one method; a method that fails is refused with what it said."""

    def explain(wanted: Tensor) -> Maps:
        return tuple(part.detach() for part in WAYS[choice.name](work, wanted))

    try:
        found = explain(rows)
        if not all(bool(torch.isfinite(part).all()) for part in found):
            return replace(choice, refused="its maps hold nan or infinity", instead="feature-ablation")
        maps[choice.name] = found
        trusted[choice.name] = checks(work, explain, rows, found, complete=sums(choice.name), random=shuffled)
    except CannotExplain as error:
        return replace(choice, refused=str(error), instead="occlusion")
    except (RuntimeError, AssertionError, NotImplementedError, IndexError, ValueError, TypeError) as error:
        maps.pop(choice.name, None)
        said = one_line(str(error))[:200]
        other = "feature-ablation" if choice.name != "feature-ablation" else "integrated-gradients"
        return replace(choice, refused=f"it failed on this network: {said}", instead=other)
    return choice


def _roles(whole: Level | None, count: int, samples: int) -> list[tuple[str, int]]:
    """The worst, the best and ordinary samples by their loss: those at equal distances in between."""
    if whole is None:
        return [("ordinary", int(n)) for n in np.linspace(0, count - 1, min(samples, count)).astype(int)]
    order = np.argsort(-_numbers(whole.losses), kind="stable")
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


def _importance(work: Work, method: str) -> dict[str, Array]:
    """Mean magnitude of the maps over the samples, by input, in a sample's shape."""
    subject, budget = work.subject, work.budget
    passes = 3 * (STEPS if method == "integrated-gradients" else max(8, sum(i.raw[0].numel() for i in subject.inputs)))
    rows = spread(len(subject), budget.samples(passes, 0.3, GLOBAL, least=4))
    total: dict[str, list[Tensor]] = {}
    for part in rows.split(max(1, budget.batch // 4)):
        for given, one in zip(subject.inputs, WAYS[method](work, part), strict=True):
            total.setdefault(given.id, []).append(given.reduced(one.detach()).abs())
    return {id: _numbers(torch.cat(parts).mean(0)) for id, parts in total.items()}


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
    return np.empty(0) if found is None else _numbers(found.losses)


def _input(given: Any, names: Sequence[str]) -> ExplainedInput:
    own = tuple(names) if given.kind == "tabular" and len(names) == (given.shape[0] if given.shape else 0) else ()
    return ExplainedInput(given.id, given.kind, given.shape, str(given.raw.dtype).removeprefix("torch."), given.said, own)


def _notes(subject: Subject) -> list[str]:
    if subject.seed is None:
        return []
    return ["the network draws random numbers even in evaluation mode: each pass was given the same ones"]


def _numbers(tensor: Tensor) -> Array:
    return tensor.detach().double().cpu().numpy()


class ExplanationParts:
    """The samples of an explanation, as plain values."""

    def __init__(
        self, subject: Subject, work: Work, shown: Sequence[tuple[str, int]], maps: Mapping[str, Maps],
        trusted: Mapping[str, Sequence[tuple[Check, ...]]], predictions: Tensor, whole: Level | None, keep: bool,
    ) -> None:  # fmt: skip
        self.subject, self.work, self.shown, self.maps, self.trusted = subject, work, shown, maps, trusted
        self.predictions, self.whole, self.keep = predictions, whole, keep

    def samples(self) -> Iterator[ExplainedSample]:
        """One after the other, the worst first."""
        subject = self.subject
        for place, (role, number) in enumerate(self.shown):
            row = torch.tensor([number])
            small = [i for i in subject.inputs if i.raw[0].numel() <= LARGEST]
            with torch.no_grad():
                score = float(subject.score(row, self.predictions[number : number + 1] if self._plain else subject.predict(row),
                                            self.work.chosen))  # fmt: skip
            yield ExplainedSample(
                role=role, number=number, target=self._target(number), predicted=self._predicted(number),
                explained=self._explained(number), score=score,
                loss=float("nan") if self.whole is None else float(self.whole.losses[number]),
                inputs={i.id: _numbers(i.raw[number]) for i in small} if self.keep else {},
                maps={
                    method: {
                        i.id: _numbers(i.reduced(part[place]))
                        for i, part in zip(subject.inputs, found, strict=True)
                        if i in small
                    }
                    for method, found in self.maps.items()
                },
                trust={method: told[place] for method, told in self.trusted.items()},
            )  # fmt: skip

    @property
    def _plain(self) -> bool:
        return len(self.predictions) == len(self.subject)

    def _target(self, number: int) -> str:
        if self.subject.targets is None or self.subject.task == "autoencoder":
            return ""
        return _shown(self.subject.targets[number])

    def _predicted(self, number: int) -> str:
        if not self._plain or self.subject.task in ("autoencoder", "sequence"):
            return ""
        answer = self.predictions[number]
        if self.subject.task == "classification":
            return str(int(answer.argmax()))
        return _shown(answer)

    def _explained(self, number: int) -> str:
        chosen = self.work.chosen
        said = self.subject.in_words(chosen)
        if self.subject.task == "classification" and chosen is not None and self.subject.target is None:
            return f"output {int(chosen[number])}, the predicted class"
        return said


def _shown(value: Tensor) -> str:
    """A small tensor as text; of a large one its shape."""
    if value.numel() == 1:
        return f"{float(value):.4g}" if value.is_floating_point() else str(int(value))
    if value.numel() <= 12 and value.dim() == 1:
        return " ".join(_shown(part) for part in value)
    return "×".join(map(str, value.shape))


