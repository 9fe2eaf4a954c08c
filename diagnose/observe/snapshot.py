"""What the layers do during one snapshot: outputs at their forward hooks, gradients at tensor hooks, the rest off the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from diagnose.observe import graph
from diagnose.observe.hooks import Hook
from diagnose.observe.networks import (
    Network,
    activation_of,
    channels_first,
    is_layer,
    role_of,
    settings_of,
)
from diagnose.observe.probes.gradients import as_float, zero_share
from diagnose.observe.streams import layer_item

CALLS = 4  # places a module that is called several times in one forward gets; the rest is pooled into the last
WAITING = 64  # forwards kept that no backward has come back through: evaluations without no_grad are among them
_SILENT = ("relu", "relu6", "threshold", "hardtanh", "hardswish")
_ALWAYS = frozenset(graph.ACTIVATIONS) - {"exp", "sin", "clamp", "clamp_min", "clamp_max"}


class Record:
    """One place in one forward."""

    __slots__ = ("gradient", "gradient_zeros", "statistics", "training")

    def __init__(self, statistics: dict[str, Tensor], training: bool | None) -> None:
        self.statistics = statistics
        self.training = training
        self.gradient: Tensor | None = None
        self.gradient_zeros: Tensor | None = None


class Forward:
    """One call of a network from outside: the places it passed, and whether a backward came back through it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.records: dict[str, Record] = {}
        self.counts: dict[str, int] = {}
        self.outputs: dict[int, str] = {}  # key of the autograd node that made an output → place
        self.starts: dict[str, list[int]] = {}  # place → keys of the nodes that made its inputs
        self.fired = False

    def place(self, path: str) -> str:
        """`path` for the first call in this forward, `path#2` for the second, …"""
        n = self.counts[path] = self.counts.get(path, 0) + 1
        return path if n == 1 else f"{path}#{min(n, CALLS)}"


class Snapshot:
    """Everything the hooks collect until the streams that are due have stepped."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.forwards: list[Forward] = []
        self.open: list[Forward] = []
        self.loose: Forward | None = None
        self.depth = 0
        self.hooks: list[Hook] = []
        self.handles: list[Any] = []
        self.items: dict[str, dict[str, Any]] = {}
        self.saved_hooks = False
        self.roots_seen: dict[int, nn.Module] = {}

    # -- hooks ---------------------------------------------------------------------------------------------------

    def attach(self, networks: Sequence[Network]) -> None:
        """Hooks every module of these networks."""
        done: set[int] = set()
        quiet = self.session.seams.quiet
        for network in networks:
            for path, module in network.named_modules():
                if id(module) in done:
                    continue
                done.add(id(module))
                if isinstance(module, torch.jit.ScriptModule):
                    self.session.blind(path, "a scripted module: its parameters are seen, its layers are not")
                    done.update(id(part) for part in module.modules())  # one word for all of it
                    continue
                try:
                    if is_layer(module):
                        self.hooks.append(Hook(module, quiet(self._layer(network, path))))
                    else:
                        self.hooks.append(Hook(module, quiet(self._enter(network)), before=True))
                        self.hooks.append(Hook(module, quiet(self._leave(network))))
                except RuntimeError:  # modules that refuse hooks
                    self.session.blind(path, "this module refuses hooks: its parameters are seen, its outputs are not")

    def detach(self) -> None:
        """Takes every hook off again."""
        for hook in self.hooks:
            hook.remove()
        self.hooks.clear()

    def next(self) -> None:
        """The next step is a snapshot again: the hooks stay."""
        self.drop()

    def drop(self) -> None:
        """Forgets everything that holds on to the program's graph."""
        for handle in self.handles:
            handle.remove()
        self.handles.clear()
        self.forwards.clear()
        self.open.clear()
        self.loose = None
        self.depth = 0
        self.roots_seen.clear()

    def _enter(self, network: Network) -> Any:
        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            with self.session.guard("snapshot"):
                if self.depth == 0:
                    self.loose = None
                    self.open.append(Forward(network))
                    self.roots_seen[id(module)] = module
                self.depth += 1

        return enter

    def _leave(self, network: Network) -> Any:
        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            with self.session.guard("snapshot"):
                self.depth = max(0, self.depth - 1)
                if self.depth == 0 and self.open:
                    self._keep(self.open.pop())

        return leave

    def _layer(self, network: Network, path: str) -> Any:
        def layer(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            with self.session.guard("outputs"):
                self._record(network, path, module, args, output)

        return layer

    # -- forward -------------------------------------------------------------------------------------------------

    def _forward(self, network: Network, path: str, module: nn.Module, args: Any) -> Forward:
        if self.open:
            return self.open[-1]
        if self.loose is None or path in self.loose.counts:
            self.loose = Forward(network)
            self.session.fed(module, first_tensor(args))
            self._keep(self.loose)
        self.roots_seen[id(module)] = module
        return self.loose

    def _keep(self, forward: Forward) -> None:
        self.forwards.append(forward)
        if len(self.forwards) > WAITING:
            oldest = next((i for i, known in enumerate(self.forwards) if not known.fired), 0)
            del self.forwards[oldest]

    def _record(self, network: Network, path: str, module: nn.Module, args: Any, output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is None or not torch.is_grad_enabled() or not tensor.is_floating_point() or type(tensor) is not Tensor:
            return
        if not self.saved_hooks:
            self.saved_hooks = torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
        forward = self._forward(network, path, module, args)
        place = forward.place(path)
        role = role_of(module)
        activation = activation_of(module)
        first = channels_first(role) or (role in ("normalization", "activation", "dropout", "pooling") and tensor.dim() == 4)
        axis = _softmax_axis(module, tensor)
        statistics = self.session.read("outputs", [tensor], [activation], [first], [axis])
        record = Record({name: values[0] for name, values in (statistics or {}).items()}, module.training)
        if activation in _SILENT:
            self._units(place, tensor, first, record)
        forward.records[place] = record
        if place not in self.items:
            settings = settings_of(module)
            item = layer_item(path, module, network.name, self.session.modules, settings)
            inputs = first_tensor(args)
            item |= {"path": place, "shape": list(tensor.shape), "input_shape": None if inputs is None else list(inputs.shape)}
            self.items[place] = item
        if role == "recurrent" and isinstance(module, nn.RNNBase):
            self._through_time(module, args, output, record)
        if tensor.requires_grad:
            given = list(tensors(args))
            made = graph.key(tensor.grad_fn)
            identity = made is not None and any(t is tensor for t in given) and (
                made in forward.outputs  # of a layer before; or of a functional activation, behind a dropout of 0
                or (role != "activation" and graph.operation(tensor.grad_fn) in graph.ACTIVATIONS)
            )
            if made is not None and not identity:
                nodes = [t.grad_fn for t in given if t.grad_fn is not None]
                if tensor.grad_fn in nodes:  # changed in place: the input carries the output's node by now
                    nodes = list(graph.parents(tensor.grad_fn))
                forward.starts[place] = [key for key in map(graph.key, nodes) if key is not None]
                forward.outputs[made] = place
            handle = tensor.register_hook(self._gradient(forward, record))
            if tensor.is_leaf:  # put out as it came in: it is the program's for longer than a step
                self.handles.append(handle)

    def _units(self, place: str, tensor: Tensor, first: bool, record: Record) -> None:
        silent = self.session.silent
        answer = self.session.read("units", [tensor], [first], [silent.get(place)])
        if answer is not None:
            silent[place] = answer["silent"][0]
            record.statistics["dead_share"] = answer["dead_share"][0]

    def _through_time(self, module: nn.RNNBase, args: Any, output: Any, record: Record) -> None:
        sequence, taken = first_tensor(args), self.session.schedule.snapshots
        if sequence is None or sequence.dim() != 3 or (taken > 2 and taken % 8):  # costs about a step of its own
            return
        answer = self.session.read("through_time", module, sequence, first_tensor(output))
        if answer is not None:
            record.statistics.update(answer)

    def _gradient(self, forward: Forward, record: Record) -> Any:
        session = self.session

        def gradient(values: Tensor) -> None:
            with session.guard("output gradients"):
                if not session.in_backward or type(values) is not Tensor:
                    return
                forward.fired = True
                norm = torch.linalg.vector_norm(as_float(values.detach())).to(torch.float32).square()
                record.gradient = norm if record.gradient is None else record.gradient + norm
                if record.gradient_zeros is None:
                    record.gradient_zeros = zero_share(values.detach())

        return torch.utils.hooks.unserializable_hook(gradient)

    # -- off the autograd graph ------------------------------------------------------------------------------------

    def read_graph(
        self, roots: Sequence[Any], losses: Sequence[tuple[str, int | None, Sequence[int]]]
    ) -> tuple[list[Tensor], list[Any], dict[str, list[str]]]:
        """Functional activations and the flow of data, before the backward runs.

        Args:
            roots: the nodes that backward starts from.
            losses: (site, key of the node of the loss's result, keys of those of its inputs, the prediction's first) of
                the loss calls at hand.

        Returns:
            The leaf tensors that will get gradients, the edges, and for each loss the operations that made its prediction.
        """
        # What belongs to the loss functions themselves is jumped over.
        nodes = graph.walk(roots, instead={result: inputs for _, result, inputs in losses if result is not None})
        by_key = {graph.order(node): node for node in nodes}
        outputs: dict[Any, str] = {}
        starts: dict[str, list[Any]] = {}
        owner: dict[str, Forward] = {}
        for forward in self.forwards:
            for key, place in forward.outputs.items():
                if key in by_key:
                    outputs[by_key[key]] = place
                    owner[place] = forward
                    starts[place] = [by_key[start] for start in forward.starts[place] if start in by_key]
        if outputs and not self.saved_hooks:
            self._functional(nodes, outputs, starts, owner)
        targets = {site: [by_key[key] for key in inputs[:1] if key in by_key] for site, _, inputs in losses}
        targets = {site: made for site, made in targets.items() if made}
        operations = {site: graph.operations_before(made[0]) for site, made in targets.items()}
        return graph.leaves(nodes), graph.edges(outputs, starts, targets), operations

    def _functional(
        self, nodes: Sequence[Any], outputs: dict[Any, str], starts: dict[str, list[Any]], owner: dict[str, Forward]
    ) -> None:
        last = max(graph.order(node) for node in outputs)
        found = []
        for node in nodes:
            if node in outputs or hasattr(node, "variable"):
                continue
            name = graph.operation(node)
            if name in graph.ACTIVATIONS and (name in _ALWAYS or graph.order(node) < last):
                found.append((graph.order(node), node, name))
        for _, node, name in sorted(found, key=lambda entry: entry[0]):
            before = _nearest(node, outputs, lambda place, met: owner[place].network.holds(met))
            if before is None:
                continue
            forward = owner[before]
            stem = before.split("/", 1)[0].split("#", 1)[0]
            activation = graph.ACTIVATIONS[name]
            place = forward.place(f"{stem}/{activation}")
            if place in forward.records:
                continue
            outputs[node] = place
            owner[place] = forward
            starts[place] = list(graph.parents(node))
            saved = graph.activation_output(node, name)
            shape = graph.shape_of(node)
            record = Record({}, None)
            if saved is not None:
                known = self.items.get(before, {})
                first = saved.dim() == 4 or (known.get("role") == "convolution" and saved.dim() > 2)
                axis = _node_axis(node, saved)
                statistics = self.session.read("outputs", [saved], [activation], [first], [axis])
                record.statistics = {key: values[0] for key, values in (statistics or {}).items()}
                if activation in _SILENT:
                    self._units(place, saved, first, record)
                shape = list(saved.shape)
            forward.records[place] = record
            self.items.setdefault(place, {
                "path": place, "type": activation, "role": "activation", "activation": activation, "functional": True,
                "shape": shape, "parameters": [], "settings": _axis_setting(node, shape), "network": forward.network.name,
                "source": self.items.get(before, {}).get("source"),
            })  # fmt: skip
            self.handles.append(node.register_prehook(self._node_gradient(forward, record)))

    def _node_gradient(self, forward: Forward, record: Record) -> Any:
        receive = self._gradient(forward, record)

        def gradient(values: Any) -> None:
            if values and values[0] is not None:
                receive(values[0])

        return gradient

    # -- what was collected --------------------------------------------------------------------------------------

    def records_of(self, network: Network) -> dict[str, list[Record]]:
        """Places of a network in forward order with their records in forwards that a backward came back through."""
        found: dict[str, list[Record]] = {}
        for forward in self.forwards:
            if forward.network is network and forward.fired:
                for place in _in_order(forward):
                    found.setdefault(place, []).append(forward.records[place])
        return found


def _in_order(forward: Forward) -> Iterator[str]:
    """Places in forward order; functional activations stand right behind the layer they follow."""
    functional: dict[str, list[str]] = {}
    for place in forward.records:
        if "/" in place:
            functional.setdefault(place.split("/", 1)[0], []).append(place)
    for place in forward.records:
        if "/" not in place:
            yield place
            if "#" not in place:
                yield from functional.pop(place, ())
    for rest in functional.values():
        yield from rest


def _nearest(node: Any, outputs: dict[Any, str], own: Callable[[str, list[Tensor]], bool], most: int = 200) -> str | None:
    """The nearest place before a node; None where parameters of another network lie between."""
    queue, seen = list(graph.parents(node)), set[int]()
    met: list[Tensor] = []
    while queue and len(seen) < most:
        above = queue.pop(0)
        if above in outputs:
            return outputs[above] if own(outputs[above], met) else None
        if hasattr(above, "variable"):
            met.append(above.variable)
        elif id(above) not in seen:
            seen.add(id(above))
            queue.extend(graph.parents(above))
    return None


def tensors(value: Any, depth: int = 3) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists, dicts and dataclass-like outputs."""
    if isinstance(value, Tensor):
        yield value
    elif depth:
        if isinstance(value, dict):
            value = list(value.values())
        elif hasattr(value, "__dataclass_fields__"):
            value = [getattr(value, name, None) for name in value.__dataclass_fields__]
        if isinstance(value, (tuple, list)):
            for part in value:
                yield from tensors(part, depth - 1)
        elif hasattr(value, "data") and isinstance(getattr(value, "data", None), Tensor):  # packed sequences
            yield value.data


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor of an input or output."""
    return next(tensors(value), None)


def _softmax_axis(module: nn.Module, tensor: Tensor) -> int:
    dim = getattr(module, "dim", None)
    if isinstance(dim, int) and -tensor.dim() <= dim < tensor.dim():
        return dim
    return 1 if tensor.dim() == 4 else -1


def _axis_setting(node: Any, shape: Sequence[int] | None) -> dict[str, int]:
    """The axis a functional softmax runs along, counted from the front."""
    dim = getattr(node, "_saved_dim", None)
    if not isinstance(dim, int) or not shape:
        return {}
    dim = dim - 2**64 if dim >= 2**63 else dim
    return {"dim": dim % len(shape)} if -len(shape) <= dim < len(shape) else {}


def _node_axis(node: Any, saved: Tensor) -> int:
    dim = getattr(node, "_saved_dim", -1)
    if not isinstance(dim, int):
        return -1
    if dim >= 2**63:
        dim -= 2**64
    return dim if -saved.dim() <= dim < saved.dim() else -1
