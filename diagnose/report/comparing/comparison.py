"""Two runs side by side: where they part, what was found in one only, what was reached, what was set otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diagnose.finding import Diagnosis, Finding
from diagnose.report.words import count, number, plain
from diagnose.run import Floats, Run, Series, Training

SAME = 1e-6  # relative; ten times what rounding to float32 makes: what differs more was computed otherwise
LAST = 0.05  # share of the steps whose mean stands for how a training loss ended
AT_LAYER = ("output_mean", "output_std", "output_max_abs")
FACTS = ("versions", "device", "git_commit", "threads")


@dataclass(frozen=True)
class Parting:
    """The first step at which two trainings differ; `layer` is the first that does in forward order, if one was seen.

    Layers are looked at in snapshots only: the layer's step can lie before or after that of the loss.
    """

    step: int | None
    layer: str | None
    layer_step: int | None


@dataclass(frozen=True)
class Metric:
    """One figure of both runs; None where a run does not have it."""

    name: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Change:
    """Something that was set, or is, otherwise; empty where a run does not have it."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """Of the run before with the run after."""

    before: Diagnosis
    after: Diagnosis
    partings: tuple[Parting, ...]  # by training
    gone: tuple[Finding, ...]
    new: tuple[Finding, ...]
    still: tuple[Finding, ...]  # as the run after has them
    metrics: tuple[Metric, ...]
    changes: tuple[Change, ...]


def compare(before: Diagnosis, after: Diagnosis) -> Comparison:
    """Trainings are matched in the order they were recorded; findings by rule and training."""
    pairs = list(zip(before.run.trainings, after.run.trainings, strict=False))
    had, has = ({(f.rule, f.training) for f in one.findings} for one in (before, after))
    return Comparison(
        before=before,
        after=after,
        partings=tuple(parting(a, b) for a, b in pairs),
        gone=tuple(f for f in before.findings if (f.rule, f.training) not in has),
        new=tuple(f for f in after.findings if (f.rule, f.training) not in had),
        still=tuple(f for f in after.findings if (f.rule, f.training) in had),
        metrics=tuple(_metrics(before.run, after.run)),
        changes=tuple(_changes(_settings(before.run), _settings(after.run))),
    )


def parting(before: Training, after: Training) -> Parting:
    """Where two trainings stop being the same."""
    step = _first_difference(before.series("loss"), after.series("loss"))
    shared = {layer.path for layer in after.layers}
    layers = [layer.path for layer in before.layers if layer.path in shared]
    found: tuple[int, int] | None = None  # step, position of the layer
    for quantity in AT_LAYER:
        for position, place in enumerate(layers):
            at = _first_difference(before.series(quantity, place), after.series(quantity, place))
            if at is not None and (found is None or (at, position) < found):
                found = at, position
    return Parting(step, layers[found[1]] if found else None, found[0] if found else None)


def _first_difference(before: Series, after: Series) -> int | None:
    """The first step that both have at which the values differ."""
    steps, at, at_after = np.intersect1d(before.steps, after.steps, return_indices=True)
    a, b = before.values[at], after.values[at_after]
    with np.errstate(invalid="ignore"):
        equal = (np.abs(a - b) <= SAME * np.maximum(np.abs(a), np.abs(b))) | (np.isnan(a) & np.isnan(b)) | (a == b)
    different = np.flatnonzero(~equal)
    return int(steps[different[0]]) if len(different) else None


def _metrics(before: Run, after: Run) -> Iterator[Metric]:
    figures = [dict(_figures(run)) for run in (before, after)]
    for name in dict.fromkeys([*figures[0], *figures[1]]):
        yield Metric(name, figures[0].get(name), figures[1].get(name))


def _figures(run: Run) -> Iterator[tuple[str, float]]:
    several = len(run.trainings) > 1
    for training in run.trainings:
        where = f" (training {training.id})" if several else ""
        loss = training.series("loss").values
        if len(loss):
            yield f"training loss at the end{where}", _mean(loss[-max(1, int(len(loss) * LAST)) :])
        for one in training.evaluations:
            name = plain(one.name)
            if np.isfinite(one.loss).any():
                yield f"lowest loss on {name}{where}", float(np.nanmin(one.loss))
                yield f"last loss on {name}{where}", float(one.loss[-1])
            if np.isfinite(one.accuracy).any():
                yield f"highest accuracy on {name}{where}", float(np.nanmax(one.accuracy))
        seconds = training.series("seconds").values[1:]
        if np.isfinite(seconds).any():
            yield f"milliseconds a step, median{where}", float(np.nanmedian(seconds)) * 1000
        memory = training.series("memory_bytes").finite().values
        if len(memory):
            yield f"highest memory, MiB{where}", float(memory.max()) / 2**20
        yield f"steps{where}", float(training.steps)
    yield "seconds", float(run.seconds)


def _mean(values: Floats) -> float:
    """NaN where any is: a loss that broke did not end well."""
    return float(values.mean())


def _settings(run: Run) -> dict[str, str]:
    """What steered a run, flat, as words."""
    told = {"program": plain(run.program), "arguments": " ".join(map(plain, run.arguments))}
    told.update(_flat({name: run.facts.get(name) for name in FACTS}, ""))
    several = len(run.trainings) > 1
    for training in run.trainings:
        where = f"training {training.id}: " if several else ""
        kinds: dict[str, Any] = {
            "kind": training.kind, "layers": len(training.layers),
            "parameters": sum(one.size for one in training.parameters), "epochs": len(training.epochs) or None,
            "data": training.facts.get("data"), "scheduler": training.facts.get("scheduler"),
            "clip": training.facts.get("clip"), "autocast": training.facts.get("autocast"),
            "seed": training.facts.get("seed"),
        }  # fmt: skip
        for position, one in enumerate(training.optimizers):
            name = "optimizer" if len(training.optimizers) == 1 else f"optimizer {position + 1}"
            kinds[name] = {"type": one.type, **one.settings}
        losses = {site.id: site for site in training.training_losses}
        kinds["loss"] = [site.function for site in losses.values()]
        for site in losses.values():
            kinds[f"{site.function}"] = {key: value for key, value in site.arguments.items() if value is not None}
        kinds["activations"] = _counted([layer.activation for layer in training.layers if layer.activation])
        kinds["layer types"] = _counted([layer.type for layer in training.layers])
        told.update(_flat(kinds, where))
    return told


def _counted(names: Sequence[str]) -> list[str]:
    """Each once, with how many there are, in the order of the first: 6 relu, 1 softmax."""
    return [f"{amount} {name}" for name, amount in Counter(names).items()]


def _flat(value: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for key, entry in value.items():
        name = f"{before}{plain(key).replace('_', ' ')}"
        if isinstance(entry, Mapping):
            yield from _flat({k: v for k, v in entry.items() if k not in ("source",)}, f"{name} ")
        elif entry is not None:
            yield name, _word(entry)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(float(value), 6)
    if isinstance(value, Sequence) and not isinstance(value, str):
        words = [_word(one) for one in value]
        return ", ".join(words) if len(words) <= 8 else f"{', '.join(words[:8])} and {len(words) - 8:,} more"
    return plain(value)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new:
            yield Change(name, old, new)


def headline(comparison: Comparison) -> str:
    """In a few words: 2 findings gone, 1 new, none still there."""
    amounts = [(comparison.gone, "gone"), (comparison.new, "new"), (comparison.still, "still there")]
    if not any(findings for findings, _ in amounts):
        return "nothing was found in either run"
    told = [f"{len(findings) or 'none'} {word}" for findings, word in amounts]
    return f"{count(len(comparison.gone), 'finding')} gone, {', '.join(told[1:])}"


def rows(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    """Metrics as words, for a table: name, before, after, change."""

    def word(value: float | None) -> str:
        return "none" if value is None else number(value, 4)

    return [(one.name, word(one.before), word(one.after), _change(one)) for one in comparison.metrics]


def _change(one: Metric) -> str:
    """In per cent, empty where that says nothing."""
    if one.before is None or one.after is None or not np.isfinite([one.before, one.after]).all() or one.before <= 0:
        return ""
    times = one.after / one.before
    if abs(times - 1) < 5e-3:
        return "the same"
    return f"{times - 1:+.0%}" if times < 3 else f"{number(times, 2)} times"


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison in JSON's own types; both diagnoses stand in it whole."""
    from diagnose.report.json import document as whole
    from diagnose.report.json import strict

    told: dict[str, Any] = strict({
        "before": whole(comparison.before),
        "after": whole(comparison.after),
        "findings": {name: [finding.id for finding in findings] for name, findings in (
            ("gone", comparison.gone), ("new", comparison.new), ("still", comparison.still))},
        "partings": [vars(one) for one in comparison.partings],
        "metrics": [vars(one) for one in comparison.metrics],
        "changes": [vars(one) for one in comparison.changes],
    })  # fmt: skip
    return told


def parted(comparison: Comparison) -> list[str]:
    """Where each pair of trainings parts, in a sentence."""
    told = []
    for position, one in enumerate(comparison.partings):
        which = f"training {position}: " if len(comparison.partings) > 1 else ""
        if one.step is None and one.layer is None:
            told.append(f"{which}the same in all that both recorded")
            continue
        loss = f"the loss differs from step {one.step:,} on" if one.step is not None else "the loss is the same"
        layer = (
            f"; the first layer to differ is {plain(one.layer)}, seen at step {one.layer_step:,}" if one.layer else ""
        )
        told.append(f"{which}{loss}{layer}")
    amounts = [len(one.run.trainings) for one in (comparison.before, comparison.after)]
    if amounts[0] != amounts[1]:
        told.append(f"{amounts[0]} trainings before, {amounts[1]} after: only those in both are compared step by step")
    return told
