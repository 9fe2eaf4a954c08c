"""What is written down once of a network: its layers, their edges, its parameters, and which of them a loss reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from diagnose.observe.networks import Modules, activation_of, role_of
from diagnose.observe.shards import class_of, shard
from diagnose.observe.sources import as_source, name_of, user_frames
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session


def describe(session: Session, stream: Stream) -> None:
    """Writes down layers, edges and parameters as far as they are new."""
    snapshot = session.snapshot
    known = (len(snapshot.items), len(snapshot.edges), len(snapshot.operations), len(stream.layer_order))
    thawed = snapshot.leaves.keys() & stream.frozen
    if stream.described >= 3 and stream.told == known and not thawed:
        return
    stream.told = known
    names = {n.name for n in stream.networks}
    items = []
    for position, place in enumerate(stream.layer_order):
        item = session.snapshot.items.get(place)
        if item is not None and (stream.known_layers.get(place) is None or stream.known_layers[place] != position):
            stream.known_layers[place] = position
            items.append({**item, "position": position})
    if items:
        session.writer.items(stream.index, "layer", items)
    if stream.described < 3 or items:
        mine = set(stream.layer_order)
        session.writer.items(stream.index, "edge", [
            {"source": source, "target": target, "operations": operations}
            for (source, target), operations in session.snapshot.edges.items()
            if target in mine or source in mine
        ])  # fmt: skip
        for site, operations in session.snapshot.operations.items():
            layer = next((s for (s, t) in session.snapshot.edges if t == site), None)
            if site in session.book.described_sites.get(stream.index, ()):
                session.writer.items(stream.index, "loss", [{"id": site, "operations": operations, "layer": layer}])
    if stream.described < 3 or thawed:
        _describe_reached(session, stream, names)
    stream.described += 1



def _describe_reached(session: Session, stream: Stream, names: set[str]) -> None:
    known: dict[int, str] = {}
    for other in session.live_streams():
        known.update(other.paths)
    gathered = {key: p for network in stream.networks for key, p in network.gathered().items()}
    leaves = {id(gathered[key]) if key in gathered else key for key in session.snapshot.leaves}
    reaches = sorted({known[key].split(".", 1)[0] for key in leaves if key in known})
    session.writer.stream(stream.index, reaches=reaches)
    stream.frozen.clear()
    items: list[dict[str, Any]] = []
    for parameter in stream.parameters():
        reached = id(parameter) in leaves or stream.reached(parameter)
        items.append({"path": stream.path(parameter), "reached": reached, "optimized": True, "trainable": parameter.requires_grad})
    trained = {item["path"] for item in items}
    for network in stream.networks:
        for path, _, parameter in network.named_parameters():
            if path not in trained:  # the optimizer does not hold it: does a gradient reach it all the same?
                items.append({"path": path, "reached": id(parameter) in leaves, "trainable": parameter.requires_grad})
            if not parameter.requires_grad:
                stream.frozen.add(id(parameter))
    for key, ref in session.snapshot.leaves.items():
        leaf = ref()
        if key in known or key in gathered or leaf is None:
            continue
        if isinstance(leaf, nn.Parameter):
            items.append(_stray_item(stream, leaf, session.modules))
        elif (held := _held_plainly(stream, leaf)) is not None:
            layer, name, module = held
            items.append(_outside(stream, leaf, f"{layer}.{name}", layer, session.modules.line(module)))
    session.writer.items(stream.index, "parameter", items)


# -- parameters and layers as they are written down ---------------------------------------------------------------------


def parameter_items(stream: Stream, modules: Modules) -> Iterator[dict[str, Any]]:
    """Every parameter of its networks, optimized or not, and every tensor it optimizes without a module."""
    optimized = {id(p): p for p in stream.parameters()}
    seen: set[int] = set()
    for network in stream.networks:
        for path, module, parameter in network.named_parameters():
            seen.add(id(parameter))
            yield {
                **_item(stream, path, parameter),
                "layer": path.rsplit(".", 1)[0],
                "optimized": id(parameter) in optimized,
                "network": network.name,
                "source": as_source(modules.line(module)),
                "transposed": isinstance(module, nn.modules.conv._ConvTransposeNd),
                "role": role_of(module),
            }
    for parameter in optimized.values():
        if id(parameter) not in seen:
            yield {**_item(stream, stream.path(parameter), parameter), "layer": "", "optimized": True, "source": stream.source}


def _item(stream: Stream, path: str, parameter: Tensor) -> dict[str, Any]:
    fan_in, fan_out = fans(parameter.shape)
    return {
        "path": path,
        "shape": list(parameter.shape),
        "size": parameter.numel(),
        "dtype": str(parameter.dtype).removeprefix("torch."),
        "trainable": parameter.requires_grad,
        "optimizer": stream.index,
        "fan_in": fan_in,
        "fan_out": fan_out,
        "shard": shard(parameter),
    }


def _stray_item(stream: Stream, parameter: Tensor, modules: Modules) -> dict[str, Any]:
    """A parameter that gets a gradient and belongs to no network of ours: a layer in a plain list, say."""
    owner, name = modules.holder(parameter)
    path = None if owner is None else standing_in(stream, owner)
    line = None if owner is None else modules.line(owner)
    if owner is None:
        path, layer = name_of(parameter, user_frames(6)) or "a parameter outside the optimizer", ""
    else:
        layer = path or f"{type(owner).__name__} ({line[0].rsplit('/', 1)[-1]}:{line[1]})" if line else type(owner).__name__
        path = f"{layer}.{name}"
    return _outside(stream, parameter, path, layer, line)


def _outside(stream: Stream, tensor: Tensor, path: str, layer: str, line: tuple[str, int] | None) -> dict[str, Any]:
    """A tensor that gets a gradient and that no optimizer holds."""
    stream.paths[id(tensor)] = path
    return {**_item(stream, path, tensor), "layer": layer, "optimized": False, "reached": True, "optimizer": None,
            "source": as_source(line)}  # fmt: skip


def _held_plainly(stream: Stream, tensor: Tensor) -> tuple[str, str, nn.Module] | None:
    """Path and module of the network that has this tensor as a plain attribute, and the attribute's name: meant as a parameter."""
    for network in stream.networks:
        for path, module in network.named_modules():
            for name, value in list(vars(module).items()):
                if value is tensor:
                    return path, name, module
    return None


def standing_in(stream: Stream, owner: nn.Module) -> str | None:
    """The path of a module that stands in a list, tuple or dict attribute of one of the networks."""
    for network in stream.networks:
        for path, module in network.named_modules():
            for attribute, value in list(vars(module).items()):
                entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
                if attribute.startswith("_"):
                    continue
                for key, entry in entries:
                    if entry is owner:
                        return f"{path}.{attribute}[{key}]"
    return None


def layer_item(path: str, module: nn.Module, network: str, modules: Modules, settings: dict[str, Any]) -> dict[str, Any]:
    """What is written down of a module that ran."""
    return {
        "path": path,
        "type": class_of(module).__name__,
        "role": role_of(module),
        "activation": activation_of(module),
        "functional": False,
        "parameters": [f"{path}.{name}" for name, p in module._parameters.items() if p is not None],
        "settings": settings,
        "network": network,
        "source": as_source(modules.line(module)),
    }


def fans(shape: Sequence[int]) -> tuple[int | None, int | None]:
    """Inputs and outputs of a unit, as `torch.nn.init` counts them."""
    if len(shape) < 2:
        return None, None
    field = 1
    for n in shape[2:]:
        field *= n
    return shape[1] * field, shape[0] * field
