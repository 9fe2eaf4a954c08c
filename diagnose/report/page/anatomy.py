"""The network as a tree: what each layer is, makes, holds, costs, and how it fared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from diagnose.finding import SEVERITIES, Diagnosis, Severity
from diagnose.report.page.arithmetic import multiply_adds
from diagnose.report.page.explained import explained
from diagnose.report.words import count, number, plain
from diagnose.run import Layer, Parameter, Training

OPEN = 40  # layers that are shown unfolded
MANY = 8  # sound modules in a row are folded when there are more
MOST = 1500  # layers listed; of a larger network the rest are counted


@dataclass(frozen=True)
class Line:
    """A layer in the table."""

    path: str
    name: str
    type: str
    what: str
    shape: str
    parameters: str
    initial: str
    share: float | None
    health: str
    findings: tuple[str, ...]
    takes: str = ""


@dataclass
class Group:
    """Layers of one module, and the modules inside it."""

    path: str
    name: str
    inside: list[Line | Group] = field(default_factory=list)  # in the order in which they first ran
    groups: dict[str, Group] = field(default_factory=dict)
    layers: int = 0
    size: int = 0
    health: str = "healthy"
    open: bool = True

    @property
    def words(self) -> str:
        """How much there is inside."""
        return f"{count(self.layers, 'layer')}, {count(self.size, 'parameter')}"

    @property
    def lines(self) -> list[Line]:
        """The layers that are no part of a module inside."""
        return [one for one in self.inside if isinstance(one, Line)]

    @property
    def parts(self) -> list[list[Line | Group]]:
        """Layers in a row, and modules; many sound modules in a row are one part, to be folded together."""
        parts: list[list[Line | Group]] = []
        for one in self.inside:
            if parts and _alike(one, parts[-1][-1]):
                parts[-1].append(one)
            else:
                parts.append([one])
        folded = (isinstance(part[0], Line) or len(part) > MANY for part in parts)
        return [piece for part, whole in zip(parts, folded, strict=True) for piece in ([part] if whole else [[one] for one in part])]


def _alike(one: Line | Group, before: Line | Group) -> bool:
    """Whether both are layers, or both are sound modules."""
    if isinstance(one, Group) and isinstance(before, Group):
        return one.health == before.health == "healthy"
    return isinstance(one, Line) and isinstance(before, Line)


@dataclass(frozen=True)
class Kind:
    """A kind of layer: how many there are, and what it does."""

    name: str
    amount: int
    what: str


@dataclass(frozen=True)
class Anatomy:
    """Of one training's networks."""

    root: Group
    layers: int
    left_out: int
    parameters: int
    trained: int
    enters: tuple[str, ...]
    leaves: tuple[str, ...]
    kinds: tuple[Kind, ...]

    @property
    def kinds_told(self) -> list[tuple[str, str]]:
        """The kinds as pairs of words."""
        return [(f"{kind.name} ({kind.amount:,})", kind.what) for kind in self.kinds]

    @property
    def places(self) -> set[str]:
        """Paths of the layers that are listed."""
        return {line.path for group in _groups(self.root) for line in group.lines}


def anatomy(training: Training, diagnosis: Diagnosis) -> Anatomy:
    """The networks of a training in forward order."""
    held: dict[str, list[Parameter]] = {}
    for parameter in training.parameters:
        held.setdefault(parameter.layer, []).append(parameter)
    ill = _ill(training, diagnosis)
    costs = {layer.path: multiply_adds(layer) for layer in training.layers}
    total = sum(cost for cost in costs.values() if cost) or 0
    takes = _takes(training)
    layers = list(training.layers)
    seen = {layer.path for layer in layers}
    left_out = max(0, len(layers) - MOST)
    if left_out:
        layers = sorted(layers, key=lambda layer: layer.path not in ill)[:MOST]
        order = {layer.path: position for position, layer in enumerate(training.layers)}
        layers.sort(key=lambda layer: order[layer.path])
    root = Group("", "")
    for layer in layers:
        parameters = held.get(layer.path, [])
        health, found = ill.get(layer.path, ("healthy", ()))
        cost = costs[layer.path]
        _put(root, layer.path, sum(one.size for one in parameters), health, len(layers), Line(
            path=plain(layer.path), name=plain(_name(layer.path)), type=_type(layer), what="",
            shape=_shape(layer.shape), parameters=_parameters(parameters), initial=_initial(parameters),
            share=cost / total if total and cost is not None else None, health=health, findings=found,
            takes=takes.get(layer.path, ""),
        ))  # fmt: skip
    for path in held:
        if path not in seen and not left_out:
            parameters = held[path]
            health, found = ill.get(path, ("healthy", ()))
            _put(root, path, sum(one.size for one in parameters), health, len(layers), Line(
                plain(path), plain(_name(path)), "", "did not run as a module of its own, or did not run", "",
                _parameters(parameters), _initial(parameters), None, health, found,
            ))  # fmt: skip
    return Anatomy(
        root=root, layers=len(training.layers), left_out=left_out,
        parameters=sum(one.size for one in training.parameters),
        trained=sum(one.size for one in training.parameters if one.trainable and one.optimized),
        enters=tuple(f"{plain(site.id)} {_shape(site.shape)} {plain(site.dtype)}" for site in training.inputs),
        leaves=tuple(dict.fromkeys(
            f"{plain(site.layer)} → {plain(site.id)}" for site in training.losses if site.layer)),
        kinds=_kinds(training),
    )  # fmt: skip


def _kinds(training: Training) -> tuple[Kind, ...]:
    """Every kind of layer that is known, in the order of their first layers."""
    amounts: dict[str, list[Layer]] = {}
    for layer in training.layers:
        amounts.setdefault(_type(layer), []).append(layer)
    known = ((name, layers, explained(layers[0])) for name, layers in amounts.items())
    return tuple(Kind(name, len(layers), what) for name, layers, what in known if what)


def _groups(group: Group) -> Iterator[Group]:
    yield group
    for inner in group.groups.values():
        yield from _groups(inner)


def _ill(training: Training, diagnosis: Diagnosis) -> dict[str, tuple[Severity, tuple[str, ...]]]:
    """Worst severity and rules by layer, from the places of the findings."""
    layers = {parameter.path: parameter.layer for parameter in training.parameters}
    told: dict[str, tuple[Severity, tuple[str, ...]]] = {}
    for finding in diagnosis.findings:
        if finding.training == training.id:
            for place in finding.places:
                layer = layers.get(place, place)
                worst, rules = told.get(layer, (finding.severity, ()))
                worst = min(worst, finding.severity, key=SEVERITIES.index)
                told[layer] = (worst, tuple(dict.fromkeys((*rules, finding.rule))))
    return told


def _put(root: Group, path: str, size: int, health: str, amount: int, line: Line) -> None:
    group = root
    parts = _parts(path)
    ranks = ("healthy", "note", "warning", "error")
    for depth in range(len(parts)):
        group.layers, group.size = group.layers + 1, group.size + size
        group.health = max(group.health, health, key=ranks.index)
        if depth < len(parts) - 1:
            name = ".".join(parts[: depth + 1])
            if name not in group.groups:
                group.groups[name] = Group(plain(name), plain(parts[depth]), open=amount <= OPEN)
                group.inside.append(group.groups[name])
            group = group.groups[name]
            group.open = group.open or health in ("error", "warning")
    group.inside.append(line)


def _parts(path: str) -> list[str]:
    """Of the module's path; an activation of a function stays with the layer before it."""
    module, slash, function = path.partition("/")
    parts = module.split(".")
    return [*parts[:-1], parts[-1] + slash + function]


def _name(path: str) -> str:
    return _parts(path)[-1]


def _type(layer: Layer) -> str:
    told = plain(layer.type)
    if layer.activation and layer.activation.replace("_", "") != layer.type.lower().replace("_", ""):
        told += f" ({plain(layer.activation)})"
    return told


def _shape(shape: tuple[int, ...] | None) -> str:
    return " × ".join(map(str, shape)) if shape else ""


def _parameters(parameters: list[Parameter]) -> str:
    if not parameters:
        return ""
    told = number(sum(one.size for one in parameters)) if parameters else ""
    if not any(one.trainable for one in parameters):
        return f"{told} (frozen)"
    if not any(one.optimized for one in parameters):
        return f"{told} (in no optimizer)"
    if all(one.reached is False for one in parameters):
        return f"{told} (no gradient)"
    return told


def _initial(parameters: list[Parameter]) -> str:
    """Standard deviation of the weight before the first step, as a multiple of 1/√fan-in."""
    for one in parameters:
        if one.initial and len(one.shape) >= 2:
            std = float(one.initial.get("std", math.nan))
            times = f" = {number(std * one.fan_in**0.5, 2)}/√fan-in" if one.fan_in and math.isfinite(std) else ""
            return f"{number(std, 2)}{times}"
    return ""


def _takes(training: Training) -> dict[str, str]:
    """Where a layer's input comes from, where it is not simply the layer before."""
    sources: dict[str, list[str]] = {}
    for edge in training.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    return {
        target: ", ".join(map(plain, names))
        for target, names in sources.items()
        if len(names) > 1 or names == ["input"]
    }
