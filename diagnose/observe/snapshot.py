"""What the layers do during one snapshot: outputs at their forward hooks, gradients at tensor hooks."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diagnose.observe import graph
from diagnose.observe.description import layer_item
from diagnose.observe.forwards import CALLS, Forward, Layer, Record
from diagnose.observe.hooks import Hook
from diagnose.observe.loss_calls import LossCall
from diagnose.observe.nested import first_tensor, tensors
from diagnose.observe.networks import (
    Network,
    NoModule,
    is_layer,
    settings_of,
)
from diagnose.observe.probes.columns import Floats, Layouts
from diagnose.observe.probes.gradients import norm_of_output
from diagnose.observe.probes.losses import Reading as LossReading

if TYPE_CHECKING:
    from diagnose.observe.session import Session

WAITING = 64  # forwards kept that no backward has come back through: evaluations without no_grad are among them


class Snapshot:
    """Everything the hooks collect until the streams that are due have stepped."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.forwards: list[Forward] = []
        self.open: list[Forward] = []
        self.loose: Forward | None = None
        self.depth = 0
        self.hooks: list[Hook] = []
        self.active: set[int] = set()  # ids of the networks that are looked at; hooks on others do nothing
        self.handles: list[Any] = []
        self.items: dict[str, dict[str, Any]] = {}
        self.saved_hooks = False
        self._roots_seen: dict[int, weakref.ref[nn.Module]] = {}
        self.layouts = Layouts()  # of the samples of layers and losses
        self.silent: dict[str, Floats] = {}  # state of the probe of silent units
        # Of the graph of the step under way.
        self.losses: list[tuple[LossCall, int | None, list[int]]] = []  # call, key of its result's node, keys of its inputs'
        self.leaves: dict[int, weakref.ref[Tensor]] = {}
        # Readings that wait to be written down with the step.
        self.loss_records: dict[str, list[LossReading]] = {}
        self.input_records: dict[str, tuple[dict[str, Tensor], dict[str, Any]]] = {}
        self.input_calls: dict[str, int] = {}
        # Known from all snapshots so far.
        self.edges: dict[tuple[str, str], list[str]] = {}
        self.walked: set[tuple[Any, ...]] = set()  # graphs without functional activations: see `flow`
        self.operations: dict[str, list[str]] = {}  # site of a loss → operations that made its prediction
        # Of a hand-written loss: its operations in this step, and what it compares.
        self.custom_shapes: list[tuple[str, list[int]]] = []
        self.compared: dict[str, Any] = {}

    @property
    def brief(self) -> bool:
        """Whether what changes slowly and costs much to read (histograms, the spread of a weight's rows) is left out this time."""
        taken = self.session.schedule.snapshots
        return taken >= 16 and taken % 4 != 0  # own choice, as for the inputs: a training's first 16 show its initialisation

    # -- hooks ---------------------------------------------------------------------------------------------------

    def attach(self, networks: Sequence[Network]) -> None:
        """Hooks every module of these networks."""
        self.look_at(networks)
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
                        self.hooks.append(Hook(module, quiet(self._layer(network, path, module))))
                    else:
                        self.hooks.append(Hook(module, quiet(self._enter(network)), before=True))
                        self.hooks.append(Hook(module, quiet(self._leave(network))))
                except RuntimeError:  # modules that refuse hooks
                    self.session.blind(path, "this module refuses hooks: its parameters are seen, its outputs are not")

    def look_at(self, networks: Iterable[Network]) -> None:
        """Looks at these networks alone, of those that have hooks: to take hooks off and put them on again costs more."""
        self.active = {id(network) for network in networks}

    def detach(self) -> None:
        """Takes every hook off again."""
        for hook in self.hooks:
            hook.remove()
        self.hooks.clear()

    def drop(self) -> None:
        """Forgets everything that holds on to the program's graph."""
        for handle in self.handles:
            handle.remove()
        self.handles.clear()
        self.forwards.clear()
        self.open.clear()
        self.loose = None
        self.depth = 0
        self._roots_seen.clear()

    def roots_seen(self) -> list[nn.Module]:
        """The modules that were called from outside, as far as the program still has them."""
        return [module for module in (ref() for ref in self._roots_seen.values()) if module is not None]

    def forget_graph(self) -> None:
        """The step's graph is gone."""
        self.leaves.clear()
        self.losses.clear()

    def forget_readings(self) -> None:
        """What was read is written down, or belongs to a step that did not take place."""
        self.loss_records.clear()
        self.input_records.clear()
        self.input_calls.clear()

    def _enter(self, network: Network) -> Any:
        known = id(network)

        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            if known not in self.active or self.session.asleep():
                return
            with self.session.guard("snapshot"):
                if self.depth == 0:
                    self.loose = None
                    self.open.append(Forward(network))
                    self._roots_seen[id(module)] = weakref.ref(module)
                    self.session.calls.part_given(module, args)
                self.depth += 1

        return enter

    def _leave(self, network: Network) -> Any:
        known = id(network)

        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            if known not in self.active or self.session.asleep():
                return
            with self.session.guard("snapshot"):
                self.depth = max(0, self.depth - 1)
                if self.depth == 0 and self.open:
                    forward = self.open.pop()
                    forward.keep_output(output)
                    self.keep(forward)

        return leave

    def _layer(self, network: Network, path: str, module: nn.Module) -> Any:
        layer, known = Layer(network, path, module), id(network)
        schedule, failed = self.session.schedule, self.session.failed

        def called(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            if known not in self.active or self.session.asleep():
                return
            began = perf_counter()  # a guard, but cheaper: this runs for every layer
            try:
                self._record(layer, module, args, output)
            except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
                failed("outputs", error)
            finally:
                schedule.took(perf_counter() - began)

        return called

    # -- forward -------------------------------------------------------------------------------------------------

    def _forward(self, network: Network, path: str, module: nn.Module, args: Any) -> Forward:
        if self.open:
            return self.open[-1]
        if self.loose is None or path in self.loose.counts:
            self.loose = Forward(network)
            self.session.calls.part_called(module, first_tensor(args))
            self.keep(self.loose)
        self._roots_seen[id(module)] = weakref.ref(module)
        self.session.calls.part_given(module, args)
        return self.loose

    def keep(self, forward: Forward) -> None:
        """A call that a backward may come back through."""
        self.forwards.append(forward)
        if len(self.forwards) > CALLS:
            self.forwards[-CALLS - 1].output = None
        if len(self.forwards) > WAITING:
            oldest = next((i for i, known in enumerate(self.forwards) if not known.fired), 0)
            del self.forwards[oldest]

    def _record(self, layer: Layer, module: nn.Module, args: Any, output: Any) -> None:
        tensor = output if isinstance(output, Tensor) else first_tensor(output)
        if tensor is None or not torch.is_grad_enabled() or not tensor.is_floating_point() or type(tensor) is not Tensor:
            return
        if not self.saved_hooks:
            self.saved_hooks = torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
        forward = self._forward(layer.network, layer.path, module, args)
        place = forward.place(layer.path)
        record = forward.records[place] = Record(module.training)
        record.reading = self.session.read("outputs", tensor, layer.activation, *layer.axes(tensor.dim()), part="measure")
        if place not in self.items:
            item = layer_item(layer.path, module, layer.network.name, self.session.modules, settings_of(module))
            inputs = first_tensor(args)
            item |= {"path": place, "shape": list(tensor.shape), "input_shape": None if inputs is None else list(inputs.shape)}
            self.items[place] = item
        if forward is self.loose:
            forward.keep_output(output)
        if layer.recurrent:
            self._through_time(module, args, output, record)
        if tensor.requires_grad:
            self._trace(layer, forward, place, tensor, args)
            handle = tensor.register_hook(self.receive_gradient(forward, record))
            if tensor.is_leaf:  # put out as it came in: it is the program's for longer than a step
                self.handles.append(handle)

    def _trace(self, layer: Layer, forward: Forward, place: str, tensor: Tensor, args: Any) -> None:
        """Remembers the nodes of the graph between which a layer lies."""
        node = tensor.grad_fn
        if node is None:  # a leaf
            return
        made = graph.order(node)
        given = args if len(args) == 1 and type(args[0]) is Tensor else list(tensors(args))
        starts: list[int] = []
        for one in given:
            if one is tensor and (
                made in forward.outputs  # of a layer before; or of a functional activation, behind a dropout of 0
                or (layer.role != "activation" and graph.operation(node) in graph.ACTIVATIONS)
            ):
                return
            above = one.grad_fn
            if above is node:  # changed in place: the input carries the output's node by now
                starts = [graph.order(before) for before in graph.parents(node) if not hasattr(before, "variable")]
                break
            if above is not None and not hasattr(above, "variable"):
                starts.append(graph.order(above))
        forward.starts[place] = starts
        forward.outputs[made] = place

    def _through_time(self, module: nn.Module, args: Any, output: Any, record: Record) -> None:
        sequence, taken = first_tensor(args), self.session.schedule.snapshots
        if sequence is None or sequence.dim() != 3 or (taken > 2 and taken % 8):  # costs about a step of its own
            return
        state = first_tensor(args[1]) if len(args) > 1 else None
        answer = self.session.read("through_time", module, sequence, first_tensor(output), state)
        if answer is not None:
            record.more.update(answer)

    def receive_gradient(self, forward: Forward, record: Record) -> Any:
        """A hook that takes the gradient with respect to an output."""
        session, schedule = self.session, self.session.schedule

        def gradient(values: Tensor) -> None:
            if not session.in_backward or type(values) is not Tensor or session.off():  # on a GPU autograd calls from a thread of its own
                return
            began = perf_counter()
            try:
                forward.fired = True
                record.gradients.append(norm_of_output(values.detach() if torch.is_grad_enabled() else values))
            except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
                session.failed("output gradients", error)
            finally:
                schedule.took(perf_counter() - began)

        gradient.__torch_unserializable__ = True  # type: ignore[attr-defined]
        return gradient

    # -- what was collected --------------------------------------------------------------------------------------

    def records_of(self, network: Network | NoModule) -> list[tuple[str, Record]]:
        """Places of a network with their records, in forward order, in forwards that a backward came back through."""
        return [
            (place, forward.records[place])
            for forward in self.forwards
            if forward.network is network and forward.fired
            for place in _in_order(forward)
        ]


def _in_order(forward: Forward) -> list[str]:
    """Places in forward order; functional activations stand right behind the layer they follow."""
    functional: dict[str, list[str]] = {}
    for place in forward.records:
        if "/" in place:
            functional.setdefault(place.split("/", 1)[0], []).append(place)
    if not functional:
        return list(forward.records)
    found: list[str] = []
    for place in forward.records:
        if "/" not in place:
            found.append(place)
            if "#" not in place:
                found += functional.pop(place, ())
    return [*chain.from_iterable(functional.values()), *found]  # those named after a parameter had no layer before them
