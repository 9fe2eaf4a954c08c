"""Loss calls: told apart into training and evaluation by whether a backward reaches them, and added up by pass."""

from __future__ import annotations

import inspect
import math
import os
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from diagnose.observe.probes.losses import accuracy
from diagnose.observe.sources import locals_of, user_frames, where

KNOWN = 16  # times a place must have trained before it is taken for a training's
ACCURACY_ELEMENTS = 4_000_000  # an argmax over more than this is not worth its time
_ARGUMENTS = ("reduction", "label_smoothing", "ignore_index", "beta", "delta", "log_target", "margin", "full", "log_input")
_TENSORS = ("weight", "pos_weight")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_names: dict[str, tuple[str, ...]] = {}

Key = tuple[Any, ...]


def number(value: Tensor) -> float | Tensor:
    """A scalar as a float where that waits for nothing (CPU), else detached on its device."""
    value = value.detach()
    if value.dim():
        value = value.to(torch.float32).mean()
    if value.device.type != "cpu":
        return value
    if value.dtype in (torch.bfloat16, torch.float16):
        value = value.to(torch.float32)
    return float(value.numpy())


def arguments_of(name: str, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that decide whether two calls compute the same thing, as plain values."""
    names = _names.get(name)
    if names is None:
        names = _names[name] = tuple(inspect.signature(original).parameters)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    found = {a: given[a] for a in _ARGUMENTS if isinstance(given.get(a), (str, int, float, bool))}
    found.setdefault("reduction", "mean")
    found.update({a: "given" for a in _TENSORS if isinstance(given.get(a), Tensor)})
    return found


def input_and_target(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """The first two arguments, however they were passed."""
    first = args[0] if args else kwargs.get("input", kwargs.get("anchor"))
    second = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("positive"))
    return first, second


def _form(tensor: object) -> tuple[torch.Size, torch.dtype] | None:
    return (tensor.shape, tensor.dtype) if isinstance(tensor, Tensor) else None


class LossCall:
    """One call of a loss function that waits to be told training from evaluation. Its instance is the tensor's hook."""

    __slots__ = (
        "__weakref__",
        "accuracy",
        "arguments",
        "evaluation",
        "fired",
        "function",
        "given",
        "hashes",
        "lines",
        "loader",
        "losses",
        "memory",
        "name",
        "samples",
        "statistics",
        "tick",
        "value",
        "weight",
    )  # fmt: skip
    __torch_unserializable__ = True  # a loss tensor may be saved: torch leaves this hook out, and does not warn

    def __init__(self, losses: Losses, function: str, arguments: dict[str, Any], lines: tuple[tuple[str, int], ...]) -> None:
        self.losses = losses
        self.function = function
        self.arguments = arguments
        self.lines = lines
        self.value: float | Tensor = math.nan
        self.accuracy: float | Tensor | None = None
        self.samples = 1
        self.fired = 0
        self.weight: float | Tensor | None = None
        self.tick = -1
        self.given: tuple[Any, Any] = (None, None)  # shape and type of prediction and target
        self.statistics: dict[str, Tensor] | None = None
        self.evaluation: Pass | None = None
        self.hashes: Tensor | None = None  # of the samples it was computed on
        self.loader: dict[str, Any] | None = None  # that gave them
        self.name = ""  # of the function it stands in
        self.memory: float | None = None

    def __call__(self, gradient: Tensor) -> None:
        losses = self.losses
        if losses.session.in_backward:
            if not self.fired:
                losses.fired.append(self)
                if self.weight is None and losses.session.snapping:
                    self.weight = number(gradient)
            self.fired += 1

    @property
    def site(self) -> dict[str, Any]:
        """What is written down of the place of this call."""
        (shape, dtype), (target_shape, target_dtype) = (given or (None, None) for given in self.given)
        return {
            "function": self.function,
            "arguments": self.arguments,
            "input_shape": None if shape is None else list(shape),
            "target_shape": None if target_shape is None else list(target_shape),
            "input_dtype": None if dtype is None else str(dtype).removeprefix("torch."),
            "target_dtype": None if target_dtype is None else str(target_dtype).removeprefix("torch."),
            "source": {"file": self.lines[0][0], "line": self.lines[0][1]} if self.lines else None,
        }

    @property
    def key(self) -> Key:
        """Calls with the same key are one series."""
        return (self.function, tuple(sorted(self.arguments.items())), self.lines[:1])


class Pass:
    """Evaluation calls between two training steps that belong to one data set, added up."""

    __slots__ = (
        "accuracies", "began", "call", "calls", "evaluation_layers", "grad_enabled", "hashes", "key", "loader", "memory_end",
        "memory_start", "name", "samples", "seconds", "shadow", "stream", "tick", "training_layers", "values", "weights",
    )  # fmt: skip

    def __init__(self, key: Key, name: str, tick: int, call: LossCall) -> None:
        self.key = key
        self.name = name
        self.tick = tick
        self.call = call
        self.values: list[float | Tensor] = []
        self.weights: list[int] = []
        self.accuracies: list[float | Tensor] = []
        self.began = time.perf_counter()
        self.seconds = 0.0
        self.grad_enabled = torch.is_grad_enabled()
        self.training_layers: list[str] = []
        self.evaluation_layers: list[str] = []
        self.loader: dict[str, Any] | None = None
        self.shadow = False
        self.hashes: list[Tensor] = []
        self.stream: Any = None  # whose network is evaluated
        self.calls = 0
        self.memory_start: float | None = None
        self.memory_end: float | None = None

    def remember(self) -> None:
        """The process's memory at the second call and later on: between them it grows where graphs are kept."""
        self.calls += 1
        if self.calls == 2:
            self.memory_start = resident()
        elif self.calls > 2 and (self.calls < 32 or self.calls % 16 == 0):
            self.memory_end = resident()

    def add(self, call: LossCall) -> None:
        """One more batch."""
        self.values.append(call.value)
        self.weights.append(call.samples)
        if call.accuracy is not None:
            self.accuracies.append(call.accuracy)
        if call.hashes is not None:
            self.hashes.append(call.hashes)
        self.seconds = time.perf_counter() - self.began
        if call.memory is not None:
            self.memory_start, self.memory_end = (call.memory if self.memory_start is None else self.memory_start), call.memory


class Losses:
    """Every loss call of the program between two outermost steps."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.fired: list[LossCall] = []
        self.waiting: list[LossCall] = []  # with a gradient: not known yet whether it trains
        self.passes: dict[Key, Pass] = {}
        self._old_frames: set[tuple[int, int]] = set()
        self._locals_seen: dict[tuple[Any, str], set[Any]] = {}
        self.last: LossCall | None = None
        self._trained: dict[tuple[str, tuple[str, int]], int] = {}  # how often a place has trained; evaluations count against it
        self._past: deque[tuple[int, weakref.ref[LossCall]]] = deque(maxlen=256)

    def busy(self) -> bool:
        """Whether anything waits to be settled."""
        return bool(self.waiting or self.fired or self.passes)

    def known(self, name: str, result: Tensor) -> bool:
        """Whether a call is one of the training's that have been seen often: then it need not be looked at again."""
        if not result.requires_grad:
            return False
        place = where()
        return place is not None and self._trained.get((name, place), 0) > KNOWN

    # -- while the program runs ------------------------------------------------------------------------------------

    def called(
        self, name: str, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor
    ) -> LossCall:
        """Takes note of a call; hooks its result when a backward could reach it."""
        prediction, target = input_and_target(name, args, kwargs)
        frames = user_frames(3)
        lines = tuple((f.f_code.co_filename, f.f_lineno) for f in frames)
        call = LossCall(self, name, arguments_of(name, original, args, kwargs), lines)
        call.value = number(result)
        call.tick = self.session.tick
        if isinstance(prediction, Tensor) and prediction.dim():
            call.samples = prediction.shape[0]
        call.given = (_form(prediction), _form(target))
        call.hashes = self.session.data.take_hashes()
        call.loader = self.session.data.loader_now()
        call.name = self._name(frames)
        evaluating = not result.requires_grad
        if evaluating or not self._trains(call, frames):
            call.evaluation = self._pass(call, frames)
            call.evaluation.remember()
            both = isinstance(prediction, Tensor) and isinstance(target, Tensor)
            if both and prediction.numel() <= ACCURACY_ELEMENTS:
                with torch.no_grad():
                    right = accuracy(name, prediction.detach(), target.detach())
                call.accuracy = None if right is None else number(right)
        if evaluating:
            to, call.evaluation = call.evaluation, None
            assert to is not None
            self.add(to, call)
        else:
            result.register_hook(call)
            if len(self.waiting) > 1 and (len(self.waiting) < 32 or len(self.waiting) % 16 == 0):
                call.memory = resident()  # several in a row: an evaluation with gradients, perhaps
            self.waiting.append(call)
        self.last = call
        return call

    def _trains(self, call: LossCall, frames: Sequence[FrameType]) -> bool:
        """Whether a call with a gradient looks like training: then the price of an evaluation's key is saved."""
        root = self.session.last_root()
        return root is None or root.training

    def _pass(self, call: LossCall, frames: Sequence[FrameType]) -> Pass:
        """The pass this call would belong to if it is an evaluation."""
        loader = self.session.data.loader_now()
        base = (call.key, call.lines, None if loader is None else loader["id"])
        split, name = self._split(base, frames)
        key = (*base, split)
        found = self.passes.get(key)
        if found is None:
            found = Pass(key, name or self._name(frames), self.session.tick, call)
            found.grad_enabled = self.session.evaluated_with_gradients()
            found.loader = loader
            found.stream = self.session.stream_called()
            found.training_layers, found.evaluation_layers = self.session.modes()
            self.passes[key] = found
        return found

    def shadow_pass(self, call: LossCall, frames: Sequence[FrameType]) -> Pass:
        """The pass of a repeated loss, apart from those the program computes."""
        loader = self.session.data.loader_now()
        key = ("shadow", call.lines, None if loader is None else loader["id"])
        found = self.passes.get(key)
        if found is None:
            found = self.passes[key] = Pass(key, self._name(frames), self.session.tick, call)
            found.loader = loader
            found.stream = self.session.stream_called()
            found.training_layers, found.evaluation_layers = self.session.modes()
        return found

    def add(self, to: Pass, call: LossCall) -> None:
        """Adds an evaluation call to its pass."""
        to.add(call)
        self.passes.setdefault(to.key, to)

    def _split(self, base: Any, frames: Sequence[FrameType]) -> tuple[tuple[tuple[str, Any], ...], str | None]:
        """Short texts and flags among the variables of frames younger than the last step: they name the data set.

        Only those with few values are kept; a formatted message is no name. Frames that were on the stack at the last
        step are left alone: reading their variables would keep tensors alive that the program deletes.
        """
        found: list[tuple[str, Any]] = []
        name: str | None = None
        for frame in frames:
            if (id(frame), id(frame.f_code)) in self._old_frames or frame.f_code.co_name == "<module>":
                continue
            for variable, value in locals_of(frame).items():
                if isinstance(value, bool) or (isinstance(value, str) and 0 < len(value) <= 20):
                    seen = self._locals_seen.setdefault((base[1], variable), set())
                    seen.add(value)
                    if len(seen) <= 4:
                        found.append((variable, value))
                        if isinstance(value, str) and name is None:
                            name = value
        return tuple(found), name

    @staticmethod
    def _name(frames: Sequence[FrameType]) -> str:
        for frame in frames:
            if frame.f_code.co_name not in ("<module>", "<lambda>", "forward", "__call__", "<listcomp>", "<genexpr>"):
                return frame.f_code.co_name
        return "evaluation"

    # -- at the end of a step --------------------------------------------------------------------------------------

    def settle(self, *, everything: bool = False) -> tuple[list[LossCall], list[Pass]]:
        """Training calls since the last step, and passes that have ended.

        A call with a gradient that no backward has reached waits one step more: some programs compute a loss before
        another network's step and use it after.
        """
        trained, self.fired = self.fired, []
        still: list[LossCall] = []
        tick = self.session.tick
        for call in self.waiting:
            if call.fired:
                continue
            if not everything and call.tick >= tick:
                still.append(call)
                continue
            to = call.evaluation or self._late(call)
            call.evaluation = None  # no cycle: a call must be gone as soon as its graph is
            to.grad_enabled = True
            if call.lines:  # this place also evaluates with gradients: each of its calls must be looked at
                self._trained[call.function, call.lines[0]] = -(10**9)
            to.tick = min(to.tick, call.tick)
            to.add(call)
            self.passes.setdefault(to.key, to)
            self._past.append((tick, weakref.ref(call)))
        self.waiting = still
        self._past.extend((tick, weakref.ref(call)) for call in trained)
        for call in trained:
            call.evaluation = None
            if call.lines:
                place = (call.function, call.lines[0])
                self._trained[place] = self._trained.get(place, 0) + 1
        self._drop_shadows()
        waiting = {id(call.evaluation) for call in still if call.evaluation is not None}
        ended = [p for p in self.passes.values() if p.values and id(p) not in waiting]
        self.passes = {k: p for k, p in self.passes.items() if id(p) in waiting}
        self._remember_frames()
        return trained, ended

    def graphs_kept(self) -> int:
        """How many of the last 256 loss calls, older than two steps, have a graph that is still alive.

        The graph of a loss holds our hook, and nothing else holds it after the step: while the hook lives, the program keeps
        the loss (in a list, a sum, a state), and with it all that its backward needs.
        """
        old = self.session.tick - 2
        return sum(tick < old and ref() is not None for tick, ref in self._past)

    def _drop_shadows(self) -> None:
        """Where the program computed a loss on the same data itself, the repeated one is not needed."""
        real = {p.key[2] for p in self.passes.values() if not p.shadow and p.values}
        for key in [k for k, p in self.passes.items() if p.shadow and k[2] in real]:
            del self.passes[key]

    def _late(self, call: LossCall) -> Pass:
        """The pass of a call that looked like training: made in training mode, with a gradient that nobody asked for."""
        key = (call.key, call.lines, None if call.loader is None else call.loader["id"], ())
        found = self.passes.get(key)
        if found is None:
            found = self.passes[key] = Pass(key, call.name, call.tick, call)
            found.loader = call.loader
            found.stream = self.session.stream_called()
            training, evaluating = self.session.modes()
            found.training_layers = [*training, *evaluating]
        return found

    def _remember_frames(self) -> None:
        """The frames on the stack at this step: they are older than whatever evaluates next."""
        found = set()
        frame: FrameType | None = sys._getframe(1)
        depth = 40
        while frame is not None and depth:
            found.add((id(frame), id(frame.f_code)))
            frame = frame.f_back
            depth -= 1
        self._old_frames = found


def resident() -> float | None:
    """Resident memory of this process in bytes, where the system tells."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return float(int(file.read().split()[1]) * _PAGE)
    except (OSError, ValueError, IndexError):
        return None


def weak(thing: object) -> Callable[[], Any]:
    """A weak reference where the type allows one, else a function that gives None."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: None
