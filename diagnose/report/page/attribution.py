"""What the network looks at: input and map side by side, what matters overall, and how far each map can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from diagnose.explanation import Array, Check, ExplainedInput, ExplainedSample, Explanation
from diagnose.report.page.pictures import picture_of_importance, picture_of_input, picture_of_map, size_of
from diagnose.report.words import number, plain
from diagnose.run import Training

FEATURES = 12  # of a table or text that are listed, those with the largest share first
IMAGES = ("image", "series", "other")
CHECKS = {
    "completeness": ("adds up", "The map's sum is this share away from the change of the output."),
    "deletion": ("deletion", "Taking the highest away first lowers the output so much sooner than a random order."),
    "insertion": ("insertion", "Putting the highest in first raises the output so much sooner than a random order."),
    "sensitivity": ("steady", "So much of itself the map moves under noise that nobody sees."),
    "randomisation": ("speaks of the weights", "Rank correlation with the maps of the same network with shuffled weights."),
    "learnt": ("learnt", "So much of the loss of a constant answer, or of shuffled weights, the network has done away with."),
}  # fmt: skip
INTERVENTIONS = {"shuffled": "exchanged between samples", "alone": "all else exchanged"}


@dataclass(frozen=True)
class Picture:
    """A picture with its caption; `wide` is stretched, others keep square pixels."""

    image: str
    caption: str
    words: str  # for screen readers
    wide: bool = False
    failed: str = ""


@dataclass(frozen=True)
class Bar:
    """A feature's number and its bar, which goes left for against and right for for."""

    name: str
    value: str
    number: str
    start: float
    width: float
    against: bool


@dataclass(frozen=True)
class Bars:
    """Features with the largest numbers."""

    caption: str
    rows: tuple[Bar, ...]
    more: int
    failed: str = ""


@dataclass(frozen=True)
class Figure:
    """A trust figure in words."""

    name: str
    explanation: str
    value: str
    limit: str
    passed: bool


@dataclass(frozen=True)
class Shown:
    """A sample with all that is drawn of it."""

    title: str
    words: str
    pictures: tuple[Picture, ...]
    bars: tuple[Bars, ...]
    trust: tuple[tuple[str, tuple[Figure, ...]], ...]


@dataclass(frozen=True)
class Explained:
    """An explanation as the template shows it."""

    explanation: Explanation
    figures: tuple[tuple[str, str], ...]
    methods: tuple[tuple[str, str, str, str], ...]  # name, verdict, why, baseline
    pictures: tuple[Picture, ...]
    bars: tuple[Bars, ...]
    samples: tuple[Shown, ...]
    layers: tuple[tuple[str, str, str, Markup], ...]
    exchanges: tuple[tuple[str, str, str, str, str, str], ...]


def explained(training: Training) -> list[Explained]:
    """All explanations of a training."""
    return [_explained(one) for one in training.explanations]


def _explained(one: Explanation) -> Explained:
    pictures, bars = [], []
    for given in one.inputs:
        values = one.global_importance.get(given.id)
        if values is None:
            continue
        if given.kind in IMAGES:
            pictures.append(_whole(given, values, one))
        else:
            bars.append(_bars(given, values, None, f"{given.id}: mean magnitude over the samples", _failed(one.trust)))
    return Explained(
        explanation=one, figures=tuple(_figures(one)),
        methods=tuple((m.name, _verdict(m.trust, m.refused, m.instead), m.why, m.baseline) for m in one.methods),
        pictures=tuple(pictures), bars=tuple(bars), samples=tuple(_shown(one, sample) for sample in one.samples),
        layers=tuple(
            (plain(layer.path), f"{layer.share:.0%}", f"{layer.idle:,} of {layer.units:,}", _share(layer.share)) for layer in one.layers
        ),
        exchanges=tuple(_exchange(one)),
    )  # fmt: skip


def _figures(one: Explanation) -> list[tuple[str, str]]:
    told = [("network", plain(one.network)), ("task", plain(one.task).replace("-", " ")), ("samples", plain(one.data))]
    told += [(f"baseline of {plain(given.id)}", f"{plain(given.baseline)} ({given.kind})") for given in one.inputs]
    if np.isfinite(one.loss):
        chance = f", of a constant answer {number(one.chance)}" if np.isfinite(one.chance) else ""
        told.append(("loss on them", f"{number(one.loss)}{chance}"))
    if np.isfinite(one.accuracy):
        told.append(("right", f"{one.accuracy:.1%}"))
    told += [("note", plain(note)) for note in one.notes]
    return told


def _verdict(trust: Sequence[Check], refused: str | None, instead: str | None) -> str:
    if refused is not None:
        return f"refused: {plain(refused)}" + (f"; use {instead}" if instead else "")
    failed = [check.name for check in trust if not check.passed]
    return f"failed: {', '.join(CHECKS.get(name, (name,))[0] for name in failed)}" if failed else "all checks passed"


def _whole(given: ExplainedInput, values: Array, one: Explanation) -> Picture:
    top = np.unravel_index(int(np.argmax(values)), values.shape)
    values = _drawn(given, values)
    words = f"mean magnitude of {one.method} at {given.id}, highest at {', '.join(map(str, top))}"
    caption = f"{plain(given.id)}: mean magnitude, dark is high{_axes(given)}"
    return Picture(picture_of_importance(values), caption, words, _wide(values), _failed(one.trust))


def _drawn(given: ExplainedInput, values: Array) -> Array:
    """As it is drawn: of a series time runs to the right."""
    return values.T if given.kind == "series" and values.ndim == 2 and given.time == 0 else values


def _axes(given: ExplainedInput) -> str:
    if given.kind != "series" or not given.shape:
        return ""
    steps = given.shape[given.time if len(given.shape) > 1 else 0]
    channels = given.shape[1 - given.time] if len(given.shape) == 2 else 1
    many = f"channels 0 to {channels - 1} from the top" if channels > 1 else "one channel"
    return f"; time 0 to {steps - 1} to the right, {many}"


def _wide(values: Array) -> bool:
    width, height = size_of(values)
    return width > 4 * height or height > 4 * width


def _shown(one: Explanation, sample: ExplainedSample) -> Shown:
    pictures, bars = [], []
    trust = []
    for method, checks in sample.trust.items():
        trust.append((method, tuple(map(_figure, checks))))
    for given in one.inputs:
        seen = sample.inputs.get(given.id)
        if given.kind in IMAGES:
            if seen is not None:
                drawn = _drawn(given, seen)
                pictures.append(Picture(picture_of_input(drawn), plain(given.id) + _axes(given), f"the sample at {given.id}", _wide(drawn)))
            for method, maps in sample.maps.items():
                if given.id in maps:
                    words = _in_words(method, maps[given.id])
                    failed = _failed(sample.trust.get(method, ()))
                    drawn = _drawn(given, maps[given.id])
                    pictures.append(Picture(picture_of_map(drawn), method, words, _wide(drawn), failed))
        else:
            for method, maps in sample.maps.items():
                if given.id in maps:
                    bars.append(_bars(given, maps[given.id], seen, method, _failed(sample.trust.get(method, ()))))
    said = [f"sample {sample.number}"]
    said += [f"target {plain(sample.target)}"] * bool(sample.target) + [f"answer {plain(sample.predicted)}"] * bool(sample.predicted)
    said += [f"loss {number(sample.loss)}"] * bool(np.isfinite(sample.loss))
    said.append(f"the map explains {plain(sample.explained)} ({number(sample.score)})")
    return Shown({"worst": "The worst", "best": "The best"}.get(sample.role, "An ordinary one"), ", ".join(said), tuple(pictures),
                 tuple(bars), tuple(trust))  # fmt: skip


def _failed(checks: Sequence[Check]) -> str:
    names = [CHECKS.get(check.name, (check.name,))[0] for check in checks if not check.passed]
    return f"not to be believed, failed: {', '.join(names)}" if names else ""


def _in_words(method: str, values: Array) -> str:
    top = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
    kind = "for" if values[top] > 0 else "against"
    return f"map of {method}: strongest {kind} the output at {', '.join(map(str, top))}"


def _figure(check: Check) -> Figure:
    name, words = CHECKS.get(check.name, (check.name, ""))
    sign = "under" if check.comparison == "below" else "over"
    return Figure(name, words, number(check.value, 2), f"{sign} {number(check.limit, 2)}", check.passed)


def _bars(given: ExplainedInput, values: Array, seen: Array | None, caption: str, failed: str = "") -> Bars:
    flat = np.ravel(values)
    order = np.argsort(-np.abs(flat), kind="stable")[:FEATURES]
    reach = float(np.abs(flat).max()) or 1.0
    signed = bool((flat < 0).any())
    rows = []
    for place in order:
        share = float(flat[place]) / reach
        start, width = (50 + min(0.0, share) * 50, abs(share) * 50) if signed else (0.0, share * 100)
        own = _seen(given, float(np.ravel(seen)[place])) if seen is not None and seen.size == flat.size else ""
        rows.append(Bar(_name(given, int(place)), own, number(float(flat[place])), start, width, share < 0))
    return Bars(caption, tuple(rows), max(0, len(flat) - len(order)), failed)


def _seen(given: ExplainedInput, value: float) -> str:
    if given.kind == "tokens":
        return f"{value:.0f}, padding" if value == given.padding else f"{value:.0f}"
    return number(value)


def _name(given: ExplainedInput, place: int) -> str:
    if place < len(given.names):
        return plain(given.names[place])
    return f"position {place}" if given.kind == "tokens" else f"column {place}"


def _share(share: float) -> Markup:
    from diagnose.report.page.svg import bar

    return bar([("c0", min(1.0, share))], f"{share:.0%} of the decision")


def _exchange(one: Explanation) -> list[tuple[str, str, str, str, str, str]]:
    told = []
    for done in one.interventions:
        accuracy = f"{done.accuracy:.1%}" if np.isfinite(done.accuracy) else ""
        mass = f"{done.mass:.0%} in {done.size:.1%}" if np.isfinite(done.mass) else ""
        told.append((plain(done.place), INTERVENTIONS.get(done.what, done.what), mass, number(done.loss), accuracy,
                     number(done.output_change, 2)))  # fmt: skip
    return told
