"""What happens in a training, in order: the seams call, the session keeps count, the writer gets rows."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from diagnose.observe import evaluations, graph, steps
from diagnose.observe.book import Book
from diagnose.observe.data import Data
from diagnose.observe.hooks import Hook, hide_from_copies, stop_hiding
from diagnose.observe.losses import (
    LossCall,
    Losses,
    input_and_target,
    number,
    weak,
)
from diagnose.observe.networks import Modules, Network
from diagnose.observe.nonfinite import NonFinite
from diagnose.observe.probes import all_probes
from diagnose.observe.scaling import Scaling
from diagnose.observe.schedule import Schedule
from diagnose.observe.seams import Seams, plain
from diagnose.observe.snapshot import Snapshot, first_tensor, tensors
from diagnose.observe.sources import where
from diagnose.observe.streams import Stream, same, version
from diagnose.observe.transfer import Transfer
from diagnose.record.writer import Writer

SKIPPED = 16  # steps in a row that are only counted, where even the least record would cost more than the budget
SEAMS = 6e-6  # seconds a step that passing through the seams and hooks takes, which nothing times (own measurement)
SETTLED = 20  # steps after which the places of the losses are known


class Session:
    """One attachment to the trainings of this process, from `start` to `finish`."""

    def __init__(self, writer: Writer, *, every: int | None = None, strict: bool = False, only: Sequence[Any] | None = None) -> None:
        self.writer = writer
        self.schedule = Schedule(every)
        self.strict = strict
        self.only = None if only is None else weakref.WeakSet(only)
        self.modules = Modules()
        self.transfer = Transfer()
        self.losses = Losses(self)
        self.seams = Seams(self)
        self.nonfinite = NonFinite(self)
        self.row = steps.Row()
        self.tick = 0
        self.in_backward = False
        self.snapping = False
        self.snapshot = Snapshot(self)
        self.streams: dict[int, Stream] = {}
        self.silent: dict[str, Tensor] = {}
        self.on_step: Callable[[int], None] | None = None  # the live judge
        self._thread = threading.get_ident()
        self._networks: dict[int, Network] = {}
        self._root_hooks: list[Hook] = []
        self._off: set[str] = set()
        self._stack: list[int] = []
        self._last_root: Callable[[], Any] = lambda: None
        self._called_in = True, True  # the last root's mode and the grad mode when it was called
        self._last_input: Callable[[], Any] = lambda: None
        self.data = Data(self)
        self.batch_wanted, self.batch_came = self.data.batch_wanted, self.data.batch_came
        scaling = Scaling(self)
        self.clipped, self.scaled = scaling.clipped, scaling.scaled
        self.scaler_called, self.scaler_stepped = scaling.scaler_called, scaling.scaler_stepped
        self._role: dict[str, Any] | None = None
        self._loss_nodes: list[tuple[LossCall, int | None, list[int]]] = []
        self._blind: set[str] = set()
        self._backward_seen = False
        self._grad_calls = 0
        self._finished = False
        self._paused = 0
        self._reading = False
        self._broken = False
        self.lean = False  # between snapshots, once the budget is used: loss, rate and time of a step, nothing else
        self._skip = 0  # steps that are only counted: the budget is used up
        self._root_refs: dict[int, Callable[[], Any]] = {}
        self._rooted = False
        self._pending_bare: Stream | None = None
        self._opened = 0
        self._counted = -1
        self.born = time.perf_counter()
        self.cell: tuple[str, int] | None = None  # the line that called watch()
        self.book = Book(self)
        self.loss_records: dict[str, list[dict[str, Tensor]]] = {}
        self.input_records: dict[str, tuple[dict[str, Tensor], dict[str, Any]]] = {}
        self.input_calls: dict[str, int] = {}
        self.described_sites: dict[int, set[str]] = {}
        self.loss_operations: dict[str, list[str]] = {}
        self.edges: dict[tuple[str, str], list[str]] = {}
        self.leaves: dict[int, weakref.ref[Tensor]] = {}
        self.given_gradients: dict[int, Tensor] = {}
        self.custom_sites: set[str] = set()
        self.custom_shapes: list[tuple[str, list[int]]] = []
        self._output: Callable[[], Any] = lambda: None

    # -- beginning and end ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Puts hooks and seams in place."""
        _alive.add(self)
        self.schedule.aside = lambda: self.writer.seconds
        for probe in all_probes().values():
            for name, quantity in probe.quantities.items():
                self.writer.quantity(name, quantity.over, quantity.unit)
        steps.declare(self.writer)
        hide_from_copies()
        self.seams.called_between_graphs(Hook.__call__)
        self.seams.install()

    def detach(self) -> None:
        """Takes every hook and replaced function away."""
        if not self.seams.installed:
            return
        self.seams.remove()
        self.unhook_all()
        stop_hiding()

    def finish(self) -> None:
        """Settles what is still open; the writer is closed by whoever opened it."""
        if self._finished:
            return
        self._finished = True
        with self.guard("finish"):
            self.detach()
            if self._pending_bare is not None:
                steps.close_bare(self, self._pending_bare)
            self._settle(None, everything=True)
            self.snapshot.drop()
            self.transfer.drain()
            self.writer.fact("overhead", self.overhead())
            if not self._backward_seen:
                code, message = self.why_nothing()
                self.writer.fact("nothing_observed", {"code": code, "message": message})

    @property
    def nothing_observed(self) -> bool:
        """Whether no step of any training was seen."""
        return self.tick == 0 and not self._backward_seen

    def why_nothing(self) -> tuple[str, str]:
        """Why nothing was seen, as code and sentence."""
        if self.streams:
            said = "an optimizer was built but no backward ran in this process; training in child processes is not seen"
            return "no-backward", f"{said}: use diagnose.watch() inside them"
        said = "torch was imported but no optimizer step was seen in this process; if training runs in child processes"
        return "no-training", f"{said}, use diagnose.watch() inside them"

    def overhead(self) -> dict[str, Any]:
        """Our own time: within the one-time second, and what was spent beyond it as a share of the training time."""
        elapsed = max(self.schedule.elapsed, 1e-9)
        spent = self.schedule.total
        return {
            "fraction": max(0.0, spent - self.schedule.once) / elapsed,
            "once_seconds": min(spent, self.schedule.once),
            "seconds": spent,
            "training_seconds": elapsed,
            "snapshots": self.schedule.snapshots,
        }

    # -- safety ------------------------------------------------------------------------------------------------

    @contextmanager
    def guard(self, what: str) -> Iterator[None]:
        """Nothing of ours reaches the program: an error is told once and kept, and its part is switched off."""
        began = time.perf_counter()
        try:
            yield
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed(what, error)
        finally:
            self.schedule.spent += time.perf_counter() - began

    def failed(self, what: str, error: Exception) -> None:
        """Tells once that a part of ours failed."""
        if self.strict:
            raise error
        if what not in self._off:
            self._off.add(what)
            text = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            place = traceback.extract_tb(error.__traceback__)[-1]
            line = f"{os.path.basename(place.filename)}:{place.lineno}"
            self.writer.event(self.tick, None, "probe-failed", what, probe=what, error=text, line=line)
            if what not in all_probes():  # not one reading but the bookkeeping itself: nothing after it can be trusted
                self._broken = True
                self.unhook_all()
            print(f"diagnose: the probe {what} failed and is off from here on ({text})", file=sys.stderr)

    def read(self, name: str, *args: Any) -> Any:
        """One probe's reading, or None when it failed or is switched off."""
        if name in self._off:
            return None
        probe = all_probes().get(name)
        if probe is None:
            return None
        self._reading = True  # what a probe calls of torch is not the program's doing
        try:
            with torch.no_grad():
                return probe(*args)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed(name, error)
            return None
        finally:
            self._reading = False

    def asleep(self) -> bool:
        """In a forked child, paused, or on another thread of the program."""
        return self._broken or self._reading or self._paused > 0 or self._finished

    def blind(self, place: str, message: str) -> None:
        """A place that cannot be observed, noted once."""
        if place not in self._blind:
            self._blind.add(place)
            self.writer.event(None, None, "blind-spot", place, message=message)

    def compiling(self) -> None:
        """Something is about to be compiled: no hook of ours may be traced, and what runs inside is not seen."""
        if self.asleep():
            return
        with self.guard("compiling"):
            self.unhook_all()
            self.blind("compiled", "compiled code: its parameters are seen, its layers and the losses inside are not")

    # -- networks and hooks ----------------------------------------------------------------------------------------

    def module_built(self, module: nn.Module, name: str, part: Any) -> None:
        """A parameter or child was registered in a module."""
        if "modules" not in self._off:
            try:
                self.modules.registered(module)
            except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
                self.failed("modules", error)

    def site_id(self, call: LossCall) -> str:
        """The name of a loss call's place."""
        return self.book.site(call)

    def optimizer_built(self, optimizer: Optimizer) -> None:
        """A new optimizer: its networks get their hooks before their first forward."""
        if self.asleep() or (self.only is not None and not self._wanted(optimizer)):
            return
        with self.guard("optimizer"):
            if self._pending_bare is not None:
                steps.close_bare(self, self._pending_bare)
                self._pending_bare = None
            self.take_optimizer(optimizer)

    def _wanted(self, optimizer: Optimizer) -> bool:
        assert self.only is not None
        if any(optimizer is thing for thing in self.only):
            return True
        mine = {id(p) for thing in self.only if isinstance(thing, nn.Module) for p in thing.parameters()}
        return any(id(p) in mine for group in optimizer.param_groups for p in group["params"])

    def take_optimizer(self, optimizer: Optimizer) -> Stream:
        """Makes a stream of an optimizer."""
        known = self.streams.get(id(optimizer))
        if known is not None and known.optimizer is not None and known.optimizer() is optimizer:
            return known
        stream = Stream(self.next_index(), optimizer, self.modules, self._networks)
        self.streams[id(optimizer)] = stream
        self.lean, self._skip = False, 0
        self.schedule.starts_again(self.tick)
        self.hook_again()
        return stream

    def live_streams(self) -> list[Stream]:
        """Streams whose optimizer is still there."""
        return [s for s in self.streams.values() if s.optimizer is None or s.optimizer() is not None]

    def hook_again(self) -> None:
        """Root hooks between snapshots; hooks on every layer of the networks that are due."""
        self.unhook_all()
        if self._paused or self._finished or self._broken or self.seams.suspensions:
            return
        due = [s for s in self.live_streams() if s.due]
        networks = {id(n): n for s in (due or self.live_streams()) for n in s.networks}
        self.snapping = bool(due)
        if self._pending_bare is not None:  # first of all hooks, for it may begin the step that the others look at
            for module in (m for n in self._pending_bare.networks for m in n.roots()):
                if not isinstance(module, torch.jit.ScriptModule):
                    self._root_hooks.append(Hook(module, self.seams.quiet(self._bare_called), before=True))
        if due:
            self.snapshot.attach(list(networks.values()))
        networks = {id(n): n for s in self.live_streams() for n in s.networks}
        for network in networks.values():
            for module in network.roots():
                if not isinstance(module, torch.jit.ScriptModule):
                    try:
                        self._root_hooks.append(Hook(module, self.seams.quiet(self._root_called)))
                        self._root_refs[id(module)] = weakref.ref(module)
                    except RuntimeError:
                        self.blind(network.name, "this module refuses hooks: its parameters are seen, its outputs are not")
                else:
                    self.blind(network.name, "a scripted module: its parameters are seen, its layers are not")

    def unhook_all(self) -> None:
        """Takes every module hook off."""
        self.snapshot.detach()
        for hook in self._root_hooks:
            hook.remove()
        self._root_hooks.clear()

    def _root_called(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self.asleep():
            return
        self._called_in = module.training, torch.is_grad_enabled()
        if self.lean and module.training and torch.is_grad_enabled():
            self._last_root = self._root_refs[id(module)]
            return
        began = time.perf_counter()
        try:
            self._last_root = self._root_refs[id(module)]
            given = next(tensors(args), None)
            if given is None:
                given = next(tensors(kwargs), None)
            self._last_input = weak(given)
            self._count_samples(given)
            self._output = weak(first_tensor(output))
            self.data.hash(module, given)
            if self.snapping and torch.is_grad_enabled() and module.training:
                steps.read_inputs(self, module, args, kwargs)
            elif self._role is not None and not torch.is_grad_enabled():
                evaluations.shadow(self, module, output)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed("root", error)
        finally:
            self.schedule.spent += time.perf_counter() - began

    def _bare_called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.bare_moved()

    def last_root(self) -> nn.Module | None:
        """The network that was called last."""
        found = self._last_root()
        return found if isinstance(found, nn.Module) else None

    def evaluated_with_gradients(self) -> bool:
        """Whether the network called last kept a graph, whatever the grad mode is by now."""
        return self._called_in[1] and torch.is_grad_enabled()

    def last_output(self) -> Tensor | None:
        """The first tensor of the last network output."""
        found = self._output()
        return found if isinstance(found, Tensor) else None

    def stream_called(self) -> Stream | None:
        """The newest stream that trains the network called last."""
        root = self.last_root()
        if root is not None:
            for stream in reversed(self.live_streams()):
                if any(module is root for _, module in stream.modules()):
                    return stream
        return None

    def network_name(self, module: nn.Module | None) -> str:
        """The path of a root."""
        if module is None:
            return ""
        for network in self._networks.values():
            path = network.path_of(module)
            if path is not None:
                return path
        return type(module).__name__

    def modes(self) -> tuple[list[str], list[str]]:
        """Layers of the network called last that depend on the mode: those in training and those in evaluation mode."""
        root = self.last_root()
        training: list[str] = []
        evaluating: list[str] = []
        if root is None:
            return training, evaluating
        inside = {id(m) for m in root.modules()}
        back = root.training and not self._called_in[0]  # evaluated, and set to training again before the loss
        for stream in self.live_streams():
            for path, module in stream.mode_layers():
                if id(module) in inside and path not in training and path not in evaluating:
                    (training if module.training and not back else evaluating).append(path)
        return training, evaluating

    # -- losses and backward -----------------------------------------------------------------------------------------

    def loss_called(self, name: str, original: Any, args: Any, kwargs: Any, result: Any) -> None:
        """A loss function of torch was called."""
        self.bare_moved()
        if self.asleep() or "losses" in self._off:
            return
        if self.lean:
            began = time.perf_counter()
            known = self.losses.known(name, result)
            self.schedule.spent += time.perf_counter() - began + SEAMS
            if known:
                return
        if not plain(result):
            return
        began = time.perf_counter()
        try:
            call = self.losses.called(name, original, args, kwargs, result)
            prediction, target = input_and_target(name, args, kwargs)
            if result.requires_grad and isinstance(prediction, Tensor) and isinstance(target, Tensor):
                evaluations.learn_role(self, call, original, args, kwargs, prediction, target)
                if self.snapping:
                    inputs = [key for key in (graph.key(t.grad_fn) for t in (prediction, target)) if key is not None]
                    self._loss_nodes.append((call, graph.key(result.grad_fn), inputs))
                    if plain(prediction) and plain(target):
                        call.statistics = self.read("losses", name, prediction, target)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed("losses", error)
        finally:
            self.schedule.spent += time.perf_counter() - began

    def backward_begins(self, roots: Any) -> None:
        """A backward is about to run."""
        if self.asleep():
            return
        if self.lean and not self.losses.waiting:
            if self._skip:
                self.in_backward = True
                return
            began = time.perf_counter()
            value = number(roots) if type(roots) is Tensor else math.nan
            self.row.losses.append(value)
            if type(value) is float and not math.isfinite(value) and type(roots) is Tensor:
                self.nonfinite.loss([roots])
            self.in_backward = True
            now = time.perf_counter()
            self.schedule.spent += now - began
            self.row.backward_begins(now, began)
            return
        began, entered = time.perf_counter(), time.perf_counter()
        try:
            given = list(roots) if isinstance(roots, (list, tuple)) else [roots]
            given = [t for t in given if isinstance(t, Tensor)]
            self._before_backward(given)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed("backward", error)
        finally:
            self.in_backward = True
            self.schedule.spent += time.perf_counter() - began
            self.row.backward_begins(time.perf_counter(), entered)

    def _before_backward(self, roots: list[Tensor]) -> None:
        self.schedule.began()
        self._backward_seen = True
        if not self.streams or self._pending_bare is not None:
            steps.bare_before(self, roots)
        values = [self.row.unscaled_number(root) for root in roots]
        self.row.add_loss(values, None if self.losses.waiting else where())
        value = values[0] if values else math.nan
        if isinstance(value, float) and not math.isfinite(value):
            self.nonfinite.loss(roots)
        self.row.looked = True
        for stream in self.live_streams():
            if not stream.cleared and stream.stepped_gradient is not None and not self._still_there(stream):
                stream.cleared = True
            elif not stream.cleared and not self.row.backwards:
                stream.leftover = stream.left()
                stream.cleared = isinstance(stream.leftover, float) and stream.leftover == 0
            if stream.due and not stream.before:
                with torch.no_grad():
                    stream.copy_before()
                    steps.initial_statistics(self, stream)
        if self.snapping:
            losses = [(steps.site_id(call), result, inputs) for call, result, inputs in self._loss_nodes]
            steps.read_graph(self, roots, losses)

    def _still_there(self, stream: Stream) -> bool:
        seen = stream.stepped_gradient
        tensor = None if seen is None else seen[2]()
        if tensor is None:
            return False
        owner = stream.watched()
        return owner is not None and same(owner.grad, seen)

    def backward_ends(self) -> None:
        """A backward has run, or raised."""
        self.in_backward = False
        if self.asleep():
            return
        if self._skip:
            return
        began = time.perf_counter()
        if self.lean:
            self.row.backward_ends(began)
            return
        try:
            self.row.backward_ends(began)
            for stream in self.live_streams():
                if not stream.cleared:  # accumulated onto what was there: still the same gradient
                    owner = stream.watched()
                    stream.stepped_gradient = version(owner.grad) if owner is not None else None
            if self._stack and self.snapping:  # inside a closure: the step reads this gradient, not the first one
                for stream in self.live_streams():
                    if stream.due and self._stack[0] == id(stream.optimizer() if stream.optimizer else None):
                        steps.read_gradients(self, stream)
            if self._pending_bare is not None:
                self._pending_bare.remember_slopes({})
                if self._pending_bare.due:
                    steps.read_gradients(self, self._pending_bare)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed("backward", error)
        finally:
            self.schedule.spent += time.perf_counter() - began

    def grad_begins(self, args: Any, kwargs: Any) -> None:
        """`torch.autograd.grad` is about to run."""
        if self.asleep():
            return
        with self.guard("grad"):
            steps.grad_before(self, args, kwargs)

    def grad_ends(self, args: Any, kwargs: Any, result: Any) -> None:
        """`torch.autograd.grad` has run."""
        self.in_backward = False
        if self.asleep():
            return
        with self.guard("grad"):
            steps.grad_after(self, args, kwargs, result)

    # -- steps -------------------------------------------------------------------------------------------------

    def step_begins(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer step is about to run (a nested one is part of the outer)."""
        if self.asleep():
            return
        began = time.perf_counter()
        if id(optimizer) in self._stack:  # the step before this one raised
            self._stack.clear()
        self._stack.append(id(optimizer))
        if len(self._stack) > 1:
            self.streams.pop(id(optimizer), None)  # its steps are part of the outer one's
            return
        if self._skip:
            return
        if self.lean:
            self.row.step_begins(began)
            return
        try:
            stream = self.streams.get(id(optimizer))
            if stream is None and self.only is None:
                stream = self.take_optimizer(optimizer)  # built before we were attached
            if stream is not None and stream.due:
                steps.read_gradients(self, stream)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed("step", error)
        finally:
            self.schedule.spent += time.perf_counter() - began
            self.row.step_begins(time.perf_counter())

    def step_ends(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer step has run."""
        if self.asleep():
            return
        began = time.perf_counter()
        if self._stack and self._stack[-1] == id(optimizer):
            self._stack.pop()
        if self._stack:
            return
        stream = self.streams.get(id(optimizer))
        if stream is None:
            return
        if self._skip:
            self._skip = 0 if self.losses.busy() else self._skip - 1
            stream.steps += 1
            self.tick += 1
            if not self._skip:
                self.row.restart()
            return
        try:
            self.row.step_ends(began)
            if self.lean and not self.losses.busy():
                steps.write_lean_row(self, stream)
                stream.cleared = True  # not looked at on these steps
                self._count_lean(stream)
            else:
                self.end_step(stream)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed("step", error)
        finally:
            self.schedule.spent += time.perf_counter() - began
            self.row.restart()

    def end_step(self, stream: Stream) -> None:
        """Writes down a step of a stream and plans the next."""
        self._settle(stream)
        if stream.due:
            steps.write_snapshot(self, stream)
        steps.write_row(self, stream)
        owner = stream.watched()
        stream.stepped_gradient = version(owner.grad) if owner is not None else None
        stream.cleared = stream.stepped_gradient is None
        stream.steps_at(self.tick)
        self._count(stream)

    def _count_lean(self, stream: Stream) -> None:
        if self.schedule.wants(self.tick + 1):
            self._count(stream)
            return
        stream.steps += 1
        self.tick += 1
        if self.schedule.over():
            self._skip = SKIPPED
        if self.on_step is not None:
            self.on_step(self.tick)

    def _count(self, stream: Stream) -> None:
        stream.steps += 1
        self.tick += 1
        self.transfer.poll()
        self._plan()
        self.lean = (
            self.schedule.spare()
            and not self.snapping
            and stream.steps > SETTLED
            and self._pending_bare is None
            and self.row.scale is None
        )
        if self.on_step is not None:
            self.on_step(self.tick)

    def _settle(self, stream: Stream | None, *, everything: bool = False) -> None:
        trained, ended = self.losses.settle(everything=everything)
        if stream is None:
            stream = next(reversed(self.live_streams()), None) or next(reversed(self.streams.values()), None)
        if stream is None:
            return
        steps.write_training_losses(self, stream, trained)
        for one in ended:
            evaluations.write_pass(self, one.stream or stream, one)

    def bare_moved(self) -> None:
        """Ends the step of a hand-written update as soon as something shows that the parameters have changed."""
        stream = self._pending_bare
        if stream is not None and self.row.backwards and not self.in_backward and not self.asleep():
            with self.guard("bare"):
                steps.close_bare(self, stream)

    def fed(self, module: nn.Module, given: Any) -> None:
        """A network is called, or, where it is never called itself, one of its parts."""
        self._last_root, self._last_input = weakref.ref(module), weak(given)
        self._count_samples(given)

    def _count_samples(self, given: Any) -> None:
        if not self.row.given and isinstance(given, Tensor) and given.dim():
            self.row.given = given.shape[0]

    def forget_step(self, stream: Stream) -> None:
        """The step under way does not take place: what was collected for it is not the next one's."""
        if self.snapping:
            self.snapshot.drop()
            self.leaves.clear()
            self._loss_nodes.clear()
            self.loss_records.clear()
            self.input_records.clear()
            self.input_calls.clear()
        stream.gradients, stream.present = {}, {}

    def next_index(self) -> int:
        """The number of a new stream."""
        self._counted += 1
        return self._counted

    def _plan(self) -> None:
        """Whether the next steps are snapshots; hooks change only when that changes."""
        streams = self.live_streams()
        was = self.snapping
        awaited = [s for s in streams if s.due and not s.idle]
        if awaited:
            if self.tick - self._opened < max(s.patience for s in awaited):  # an alternating training: not all have stepped
                self.leaves.clear()
                self._loss_nodes.clear()
                self.hook_again()  # on those networks alone
                return
            for s in awaited:  # an optimizer that no longer steps
                s.due, s.before, s.idle = False, {}, True
        if was:
            self.schedule.closes(self.tick - 1)
            for network in {id(n): n for s in streams for n in s.networks}.values():
                self._rooted = not network.learn_roots(self.snapshot.roots_seen.values()) and self._rooted
            self.snapshot.drop()
            self.leaves.clear()
            self._loss_nodes.clear()
        if self.schedule.wants(self.tick):
            self.schedule.opens()
            self._opened = self.tick
            for s in streams:
                s.due = not s.idle
            if was and self._rooted:
                self.snapping = True
                self.snapshot.next()
                return
        self._refresh(was)

    def _refresh(self, was: bool) -> None:
        now = any(s.due for s in self.live_streams())
        if now != was or not self._rooted:
            self._rooted = True
            self.hook_again()

    # -- for watch() -------------------------------------------------------------------------------------------------

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Observes nothing while open."""
        self._paused += 1
        self.unhook_all()
        try:
            yield
        finally:
            self._paused -= 1
            if not self._paused and not self._finished:
                self.hook_again()

    def log(self, **values: float | Tensor) -> None:
        """Scalars that nothing intercepts."""
        for name, value in values.items():
            shown = number(value) if isinstance(value, Tensor) else float(value)
            if isinstance(shown, float):
                layout = self.writer.layout("logged", [name])
                stream = next(reversed(self.live_streams()), None)
                data = np.float32(shown).tobytes()
                self.writer.vector(max(0, self.tick - 1), stream.index if stream else 0, f"logged/{name}", layout, data)


_alive: weakref.WeakSet[Session] = weakref.WeakSet()


def _in_child() -> None:
    """A forked child (a worker of a loader, say) inherits hooks and seams: none of them does anything there."""
    for session in list(_alive):
        session._finished = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
