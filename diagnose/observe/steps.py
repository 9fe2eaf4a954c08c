"""One optimizer step written down: the row of every step, and all quantities of a snapshot."""

from __future__ import annotations

import math
import os
import struct
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diagnose.observe import graph
from diagnose.observe.losses import LossCall, number, resident
from diagnose.observe.sources import as_source, where
from diagnose.observe.streams import Stream

_COLUMNS = {
    "loss": "loss", "learning_rate": None, "samples": "samples", "backwards": None, "optimizer": None, "seconds": "s",
    "data_seconds": "s", "forward_seconds": "s", "backward_seconds": "s", "optimizer_seconds": "s", "evaluation_seconds": "s",
    "clip_norm": "gradient", "clip_limit": "gradient", "uncleared": "share", "loss_scale": None, "skipped": None,
    "memory_bytes": "byte", "graphs_kept": "graphs",
}  # fmt: skip
Floats = NDArray[np.float32]


def declare(writer: Any) -> None:
    """The quantities that no probe reads."""
    for name, unit in _COLUMNS.items():
        writer.quantity(name, "step", unit)
    writer.quantity("training_loss", "losses", "loss")
    for name, unit in (("gradient_present", "share"), ("output_gradient_norm", "loss per output"),
                       ("output_gradient_zero_share", "share"), ("layer_training", "share")):  # fmt: skip
        writer.quantity(name, "parameters" if name == "gradient_present" else "layers", unit)


class Row:
    """What is known of the step under way."""

    def __init__(self) -> None:
        self.scale: float | Tensor | None = None
        self.scale_tensor: Any = None
        self.scaled: tuple[Any, float | Tensor] | None = None  # weak reference to a scaled loss, the loss before scaling
        self.unscaled = False
        self.stepped = -1
        self.clips: dict[str, Any] | None = None
        self._end = time.perf_counter()
        self.restart()

    def restart(self) -> None:
        """The step has ended: the next one begins."""
        now = time.perf_counter()
        self.began, self._end = self._end, now
        self.losses: list[float | Tensor] = []
        self.line: tuple[str, int] | None = None
        self.backwards = 0
        self.batches = 0
        self.data_seconds = 0.0
        self.forward_seconds = 0.0
        self.backward_seconds = 0.0
        self.optimizer_seconds = 0.0
        self.evaluation_seconds = 0.0
        self.evaluated = False
        self.looked = False  # whether gradients were looked at before the step's first backward
        self.clip_norm: float | Tensor = math.nan
        self.clip_limit = math.nan
        self.samples = 0
        self.given = 0  # samples that a network was given first
        self.skipped = False
        self._mark = now
        self._wanted = now
        self._backward = now
        self._step = now

    def batch_wanted(self) -> None:
        """A loader was asked."""
        self._wanted = time.perf_counter()

    def batch_came(self) -> None:
        """A loader answered."""
        now = time.perf_counter()
        self.batches += 1
        self.data_seconds += now - self._wanted
        self._mark = now

    def unscaled_number(self, root: Tensor) -> float | Tensor:
        """The value of a backward's root, without what a gradient scaler has made of it."""
        if self.scaled is not None and self.scaled[0]() is root:
            return self.scaled[1]
        return number(root)

    def add_loss(self, values: Sequence[float | Tensor], line: tuple[str, int] | None) -> None:
        """The values of a backward's roots."""
        self.losses.extend(values)
        self.line = line

    def backward_begins(self, now: float, ours: float) -> None:
        """Autograd starts."""
        self.forward_seconds += max(0.0, ours - self._mark)
        self._backward = now

    def backward_ends(self, now: float) -> None:
        """Autograd has ended."""
        self.backwards += 1
        self.backward_seconds += now - self._backward
        self._mark = now

    def step_begins(self, now: float) -> None:
        """The optimizer starts."""
        self._step = now

    def step_ends(self, now: float) -> None:
        """The optimizer has ended."""
        self.optimizer_seconds += now - self._step

    @property
    def seconds(self) -> float:
        """Since the last step's end."""
        return time.perf_counter() - self._end

    def clipped(self, norm: float | Tensor, limit: float, *, by_value: bool, line: tuple[str, int] | None) -> None:
        """Gradients were clipped."""
        self.clip_norm, self.clip_limit = (math.nan if by_value else norm), limit
        self.clips = {"limit": limit, "by_value": by_value, "source": as_source(line)}


# -- every step ------------------------------------------------------------------------------------------------------


def site_id(call: LossCall) -> str:
    """A name for the place of a loss call: function, file and line."""
    return str(call.losses.session.site_id(call))


def write_row(session: Any, stream: Stream) -> None:
    """The row of a step that has ended."""
    row: Row = session.row
    columns: dict[str, float | None] = {
        "time": time.perf_counter() - session.born,
        "learning_rate": _rate(stream),
        "backwards": float(row.backwards),
        "optimizer": float(stream.index),
        "seconds": row.seconds,
        "data_seconds": row.data_seconds,
        "forward_seconds": max(0.0, row.forward_seconds - row.evaluation_seconds),
        "backward_seconds": row.backward_seconds,
        "optimizer_seconds": row.optimizer_seconds,
        "evaluation_seconds": row.evaluation_seconds,
        "samples": float(row.samples) if row.samples else None,
        "epoch": session.book.epoch(stream),
    }
    if row.clips is not None and not math.isnan(row.clip_limit):
        columns["clip_limit"] = row.clip_limit
    if row.scale is not None:
        columns["skipped"] = float(row.skipped)
    if stream.due or stream.steps % 64 == 0:
        columns["memory_bytes"] = _memory(stream)
    if row.evaluated or stream.steps % 32 == 31:
        columns["graphs_kept"] = float(session.losses.graphs_kept())
    tick, index = session.tick, stream.index
    uncleared: float | Tensor = math.nan
    if stream.steps and row.looked:
        uncleared = 0.0 if stream.cleared else stream.leftover
    scale = math.nan if row.scale is None else row.scale

    def write(numbers: Sequence[float]) -> None:
        *losses, left, scaled = numbers
        if not math.isnan(left):
            columns["uncleared"] = float(left != 0)
        if not math.isnan(scaled):
            columns["loss_scale"] = scaled
        session.writer.step(tick, index, **columns, **_losses(losses))

    session.transfer.scalars([*row.losses, row.clip_norm, uncleared, scale], write)


def write_lean_row(session: Any, stream: Stream) -> None:
    """The row of a step of which only loss, rate and time are kept."""
    row: Row = session.row
    tick, index, rate = session.tick, stream.index, _rate(stream)
    times = (time.perf_counter() - session.born, row.seconds, row.data_seconds, row.forward_seconds, row.backward_seconds)
    epoch = session.book.epoch(stream)

    def write(numbers: Any) -> None:
        session.writer.step(
            tick, index, time=times[0], seconds=times[1], data_seconds=times[2], forward_seconds=times[3],
            backward_seconds=times[4], optimizer_seconds=row.optimizer_seconds, learning_rate=rate, optimizer=float(index),
            backwards=float(row.backwards), epoch=epoch, **_losses(numbers),
        )  # fmt: skip

    numbers = [*row.losses, row.clip_norm]
    if any(isinstance(n, Tensor) for n in numbers):
        session.transfer.scalars(numbers, write)
    else:
        write(numbers)


def _losses(values: Any) -> dict[str, float | None]:
    losses, clip = values[:-1], float(values[-1])
    found: dict[str, float | None] = {}
    if len(losses):
        found["loss"] = float(sum(float(v) for v in losses) / len(losses))
    if not math.isnan(clip):
        found["clip_norm"] = clip
    return found


def _rate(stream: Stream) -> float | None:
    optimizer = None if stream.optimizer is None else stream.optimizer()
    if optimizer is None or not optimizer.param_groups:
        return None
    rate = optimizer.param_groups[0].get("lr")
    if isinstance(rate, Tensor):
        return float(rate.numpy()) if rate.device.type == "cpu" else None
    return float(rate) if isinstance(rate, (int, float)) else None


def _memory(stream: Stream) -> float | None:
    parameters = stream.parameters()
    if parameters and parameters[0].device.type == "cuda":
        return float(torch.cuda.memory_allocated(parameters[0].device))
    return resident()


def write_training_losses(session: Any, stream: Stream, trained: list[LossCall]) -> None:
    """The training losses of a step by site, and what was read of their inputs on a snapshot."""
    if not trained and session.row.losses and session.row.line is not None:
        _write_custom(session, stream)
        return
    by_site: dict[str, list[LossCall]] = {}
    for call in trained:
        by_site.setdefault(session.site_id(call), []).append(call)
    # each stream is told of its sites: the next optimizer's loss often stands in the same line
    described = session.described_sites.setdefault(stream.index, set())
    new = [
        session.book.item(site, calls[0])
        for site, calls in by_site.items()
        if site not in described or session.book.is_new(site, calls[0])
    ]
    if new:
        described.update(item["id"] for item in new)
        session.writer.items(stream.index, "loss", [{**item, "optimizer": stream.index} for item in new])
    session.row.samples = max((sum(c.samples for c in calls) for calls in by_site.values()), default=0)
    for call in trained:
        if call.hashes is not None and call.hashes.device.type == "cpu":
            session.writer.hashes(stream.index, "train", call.hashes.numpy().tobytes())
    sites = list(by_site)
    values = [call.value for site in sites for call in by_site[site]]
    counts = [len(by_site[site]) for site in sites]

    def write(array: Sequence[float]) -> None:
        means, at = [], 0
        for count in counts:
            means.append(sum(float(v) for v in array[at : at + count]) / count)
            at += count
        layout = session.writer.layout("losses", sites)
        session.writer.vector(tick, stream.index, "training_loss", layout, struct.pack(f"<{len(means)}f", *means))

    tick = session.tick
    if not sites:
        return
    session.transfer.scalars(values, write)
    for site in sites:
        statistics = [c.statistics for c in by_site[site] if c.statistics is not None]
        if statistics:
            session.loss_records[site] = statistics


def _write_custom(session: Any, stream: Stream) -> None:
    """A hand-written loss: the root of the backward stands for it."""
    file, line = session.row.line
    site = f"custom ({os.path.basename(file)}:{line})"
    if session.row.samples == 0:
        session.row.samples = session.row.given
    known, key = session.custom_sites, f"{stream.index}:{site}"
    if key not in known or session.custom_shapes:
        known.add(key)
        session.writer.items(stream.index, "loss", [{
            "id": site, "function": "custom", "role": "training", "source": {"file": file, "line": line}, "optimizer": stream.index,
            "shapes": session.custom_shapes, "operations": [name for name, _ in session.custom_shapes], "weight": 1.0,
        }])  # fmt: skip
        session.custom_shapes = []
    hashes = session.data.take_hashes()
    if hashes is not None and hashes.device.type == "cpu":
        session.writer.hashes(stream.index, "train", hashes.numpy().tobytes())
    values = session.row.losses
    tick = session.tick
    layout = session.writer.layout("losses", [site])

    def write(array: Sequence[float]) -> None:
        mean = sum(float(v) for v in array) / len(array)
        session.writer.vector(tick, stream.index, "training_loss", layout, struct.pack("<f", mean))

    session.transfer.scalars(values, write)


# -- snapshots -------------------------------------------------------------------------------------------------------


def read_inputs(session: Any, module: nn.Module, args: Any, kwargs: Any) -> None:
    """What a network is fed on a snapshot."""
    network = session.network_name(module)
    given = [(str(i), value) for i, value in enumerate(args)] + [(name, value) for name, value in kwargs.items()]
    for name, value in given:
        if isinstance(value, Tensor) and value.dim() and type(value) in (Tensor, nn.Parameter):
            taken = session.schedule.snapshots
            if taken > 16 and taken % 4:  # what is fed changes little: a quarter of the snapshots tells it
                return
            site = f"{network}:{name}"
            calls = session.input_calls[site] = session.input_calls.get(site, 0) + 1
            if calls > 1:  # a discriminator sees real samples first, generated ones second
                site = f"{site}#{min(calls, 4)}"
            answer = session.read("inputs", value)
            if answer is not None:
                item = {"id": site, "network": network, "shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
                session.input_records[site] = (answer, item)


def read_gradients(session: Any, stream: Stream) -> None:
    """The gradients as the step will use them."""
    found: dict[str, Tensor] = {}
    missing: list[str] = []
    for parameter in stream.parameters():
        gradient = session.given_gradients.get(id(parameter), parameter.grad)
        path = stream.path(parameter)
        if gradient is not None and type(gradient) in (Tensor, nn.Parameter):
            found[path] = gradient
        elif gradient is None:
            missing.append(path)
    answer = session.read("gradients", list(found.values())) if found else {}
    if answer is None:
        return
    stream.gradients = {name: dict(zip(found, values, strict=True)) for name, values in answer.items()}
    stream.present = {**dict.fromkeys(found, 1.0), **dict.fromkeys(missing, 0.0)}


def initial_statistics(session: Any, stream: Stream) -> None:
    """Mean, deviation, range and norm of every parameter before the first step, once."""
    if stream.initialised:
        return
    stream.initialised = True
    items = list(stream.parameter_items(session.modules))
    by_path = {item["path"]: item for item in items}
    session.writer.stream(stream.index, **stream.facts(), **session.book.facts())
    session.writer.items(stream.index, "parameter", items)
    tensors = {stream.path(p): p for p in stream.parameters()}
    for network in stream.networks:
        for path, _, parameter in network.named_parameters():
            tensors.setdefault(path, parameter)
    usable = {
        path: p for path, p in tensors.items()
        if path in by_path and p.numel() and p.is_floating_point() and type(p) in (Tensor, nn.Parameter)
    }  # fmt: skip
    parts = []
    for parameter in usable.values():
        values = parameter.detach()
        values = values.to(torch.float32)
        low, high = torch.aminmax(values)
        parts.append(torch.stack((values.mean(), values.std(correction=0), low, high, torch.linalg.vector_norm(values))))

    def write(array: Floats) -> None:
        names = ("mean", "std", "min", "max", "norm")
        rows = array.reshape(-1, 5)
        session.writer.items(stream.index, "parameter", [
            {"path": path, "initial": {n: float(v) for n, v in zip(names, row, strict=True)}}
            for path, row in zip(usable, rows, strict=True)
        ])  # fmt: skip

    if parts:
        session.transfer.send(parts, write)


def read_graph(session: Any, roots: list[Tensor], losses: list[tuple[str, int | None, list[int]]]) -> None:
    """What the autograd graph of a snapshot tells; described three times, so that late branches are seen."""
    leaves, edges, operations = session.snapshot.read_graph([root.grad_fn for root in roots], losses)
    session.leaves.update({id(leaf): weakref.ref(leaf) for leaf in leaves})
    for source, target, between in edges:
        session.edges.setdefault((source, target), between)
    for site, made in operations.items():
        session.loss_operations.setdefault(site, made)
    if not losses and roots:
        session.custom_shapes = graph.shapes_before(roots[0].grad_fn)


def write_snapshot(session: Any, stream: Stream) -> None:
    """All quantities of a stream at this step, sent to the host at once."""
    collected: list[tuple[str, str, dict[str, Tensor], bool]] = []

    def add(quantity: str, over: str, values: dict[str, Tensor]) -> None:
        if values:
            collected.append((quantity, over, values, any(v.dim() for v in values.values())))

    after = {id(p): p for p in stream.parameters()}
    moved = [(key, old, after[key]) for key, old in stream.before.items() if key in after and after[key].shape == old.shape]
    weights = session.read("weights", [m[1] for m in moved], [m[2] for m in moved]) if moved else None
    paths = [stream.path(after[key]) for key, _, _ in moved]
    for name, values in (weights or {}).items():
        add(name, "parameters", dict(zip(paths, values, strict=True)))
    for name, by_path in stream.gradients.items():
        add(name, "parameters", by_path)
    modes = _add_layers(session, stream, add)
    for site, statistics in session.loss_records.items():
        for name in statistics[0]:
            add(name, "losses", {site: _pooled(name, [s[name] for s in statistics])})
    mine = {n.name for n in stream.networks}
    for site, (answer, item) in list(session.input_records.items()):
        if not mine or item["network"].split(".")[0] in mine:
            session.writer.items(stream.index, "input", [item])
            for name, value in answer.items():
                add(name, "inputs", {site: value})
    collected.sort(key=lambda entry: entry[3])  # scalars first: they travel as one
    parts = [value for _, _, values, _ in collected for value in values.values()]
    plan = [(q, over, list(values), [v.numel() for v in values.values()] if ragged else None) for q, over, values, ragged in collected]
    tick, index, writer = session.tick, stream.index, session.writer
    known = (("gradient_present", "parameters", dict(stream.present)), ("layer_training", "layers", modes))

    def write(array: Floats) -> None:
        at = 0
        for quantity, over, places, sizes in plan:
            width = len(places) if sizes is None else sum(sizes)
            values = array[at : at + width]
            at += width
            writer.vector(tick, index, quantity, writer.layout(over, places, sizes), values.tobytes())
            if quantity == "gradient_norm":
                session.nonfinite.gradients(places, values)
        for quantity, over, numbers in known:
            if numbers:
                data = np.array(list(numbers.values()), np.float32).tobytes()
                writer.vector(tick, index, quantity, writer.layout(over, list(numbers)), data)

    session.transfer.send(parts, write)
    describe(session, stream)
    stream.due, stream.before, stream.gradients, stream.present = False, {}, {}, {}
    session.loss_records.clear()
    session.input_records.clear()
    session.input_calls.clear()


def _add_layers(session: Any, stream: Stream, add: Callable[[str, str, dict[str, Tensor]], None]) -> dict[str, float]:
    """Adds what was read of the layers; returns the share of their calls in training mode."""
    training: dict[str, float] = {}
    table: dict[str, dict[str, Tensor]] = {}
    order: list[str] = []
    scale = session.row.scale_tensor if session.row.scale is not None else None
    for network in stream.networks:
        for place, records in session.snapshot.records_of(network).items():
            order.append(place)
            for name in dict.fromkeys(n for r in records for n in r.statistics):
                values = [r.statistics[name] for r in records if name in r.statistics]
                table.setdefault(name, {})[place] = _pooled(name, values)
            squares = [r.gradient for r in records if r.gradient is not None]
            if squares:
                norm = torch.stack(squares).sum().sqrt()
                table.setdefault("output_gradient_norm", {})[place] = norm if scale is None else norm / scale
            zeros = [r.gradient_zeros for r in records if r.gradient_zeros is not None]
            if zeros:
                table.setdefault("output_gradient_zero_share", {})[place] = torch.stack(zeros).mean()
            modes = [r.training for r in records if r.training is not None]
            if modes:
                training[place] = sum(modes) / len(modes)
    for name, by_place in table.items():
        add(name, "layers", by_place)
    if order:
        stream.layer_order = _merged(stream.layer_order, order)
    return training


def _merged(known: list[str], seen: list[str]) -> list[str]:
    """Known places with new ones put in behind their neighbour of this forward."""
    result = list(known)
    have = set(result)
    at = 0
    for place in seen:
        if place in have:
            at = result.index(place) + 1
        else:
            result.insert(at, place)
            have.add(place)
            at += 1
    return result


def _pooled(name: str, values: list[Tensor]) -> Tensor:
    """Several calls of one place as one: extremes of extremes, sums of counts, means of the rest."""
    if len(values) == 1:
        return values[0]
    if any(v.shape != values[0].shape for v in values):
        return values[-1]
    stacked = torch.stack(values)
    if name.endswith("_min"):
        return stacked.amin(0)
    if name.endswith(("_max", "_max_abs", "_error")):
        return stacked.amax(0)
    return stacked.sum(0) if name in ("class_count", "output_histogram") else stacked.mean(0)


def describe(session: Any, stream: Stream) -> None:
    """Writes down layers, edges and parameters as far as they are new."""
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
            for (source, target), operations in session.edges.items()
            if target in mine or source in mine
        ])  # fmt: skip
        for site, operations in session.loss_operations.items():
            layer = next((s for (s, t) in session.edges if t == site), None)
            if site in session.described_sites.get(stream.index, ()):
                session.writer.items(stream.index, "loss", [{"id": site, "operations": operations, "layer": layer}])
    if stream.described < 3:
        _describe_reached(session, stream, names)
    stream.described += 1


def _describe_reached(session: Any, stream: Stream, names: set[str]) -> None:
    known: dict[int, str] = {}
    for other in session.live_streams():
        known.update(other.paths)
    reaches = sorted({known[key].split(".", 1)[0] for key in session.leaves if key in known})
    session.writer.stream(stream.index, reaches=reaches)
    items: list[dict[str, Any]] = [
        {"path": stream.path(parameter), "reached": id(parameter) in session.leaves or stream.reached(parameter)}
        for parameter in stream.parameters()
    ]
    trained = {item["path"] for item in items}
    for network in stream.networks:
        for path, _, parameter in network.named_parameters():
            if path not in trained:  # the optimizer does not hold it: does a gradient reach it all the same?
                items.append({"path": path, "reached": id(parameter) in session.leaves})
    for key, ref in session.leaves.items():
        leaf = ref()
        if key not in known and isinstance(leaf, nn.Parameter):
            items.append(stream.stray_item(leaf, session.modules))
    session.writer.items(stream.index, "parameter", items)


# -- trainings without an optimizer ------------------------------------------------------------------------------------


def bare_before(session: Any, roots: list[Tensor], given: Sequence[Tensor] = ()) -> None:
    """Before a backward in a program without an optimizer: ends the step before, if the parameters have changed."""
    stream: Stream | None = session._pending_bare
    if stream is None and session.streams:
        return
    leaves = list(given) or (stream.parameters() if stream is not None and stream.bare_alive() else [])
    if not leaves:
        leaves = [t for t in graph.leaves(graph.walk([r.grad_fn for r in roots])) if t.requires_grad]
    if not leaves:
        return
    if stream is None:
        stream = Stream(session.next_index(), None, session.modules, {})
        stream.source = as_source(where())
        stream.take_modules(leaves, session.modules, session._networks)
        stream.take_bare(leaves)
        session.streams[id(stream)] = stream
        session._pending_bare = stream
        session.hook_again()
    elif stream.bare_changed() or stream.bare_replaced(leaves):
        close_bare(session, stream, checked=True)
        stream.take_bare(leaves)
    stream.remember_bare()


def close_bare(session: Any, stream: Stream, *, checked: bool = False) -> None:
    """Ends a step of a hand-written update."""
    if not session.row.backwards or not (checked or stream.bare_changed()):
        return
    session.end_step(stream)
    session.row.restart()


def grad_before(session: Any, args: Any, kwargs: Any) -> None:
    """`torch.autograd.grad` in a program without an optimizer is its backward."""
    outputs = args[0] if args else kwargs.get("outputs")
    inputs = args[1] if len(args) > 1 else kwargs.get("inputs")
    roots = [t for t in (outputs if isinstance(outputs, (list, tuple)) else [outputs]) if isinstance(t, Tensor)]
    wanted = [t for t in (inputs if isinstance(inputs, (list, tuple)) else [inputs]) if isinstance(t, Tensor)]
    trained = [t for t in wanted if t.is_leaf and t.requires_grad]
    session._grad_calls += 1
    if not trained or (session.streams and session._pending_bare is None):
        return
    if session._pending_bare is not None:
        bare_before(session, roots, trained)
    session._before_backward(roots)
    session.in_backward = True
    now = time.perf_counter()
    session.row.backward_begins(now, now)


def grad_after(session: Any, args: Any, kwargs: Any, result: Any) -> None:
    """The gradients that `torch.autograd.grad` gave."""
    stream = session._pending_bare
    if stream is None:
        return
    session.row.backward_ends(time.perf_counter())
    inputs = args[1] if len(args) > 1 else kwargs.get("inputs")
    wanted = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    session.given_gradients = {id(t): g for t, g in zip(wanted, result, strict=False) if isinstance(g, Tensor)}
    stream.remember_slopes(session.given_gradients)
    if stream.due:
        read_gradients(session, stream)
    session.given_gradients = {}


