"""One call of a loss function, and evaluation calls that belong to one data set."""

from __future__ import annotations

import inspect
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from diagnose.observe.memory import resident
from diagnose.observe.transfer import number

if TYPE_CHECKING:
    from diagnose.observe.losses import Losses
    from diagnose.observe.probes.losses import Reading
    from diagnose.observe.streams import Stream

_ARGUMENTS = ("reduction", "label_smoothing", "ignore_index", "beta", "delta", "log_target", "margin", "full", "log_input")
_TENSORS = ("weight", "pos_weight")
PAIRS = ("cosine_embedding_loss", "margin_ranking_loss")  # of two inputs, and a target that says what of them
_names: dict[str, tuple[str, ...]] = {}

Key = tuple[Any, ...]


def arguments_of(name: str, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that decide whether two calls compute the same thing, as plain values."""
    names = _names.get(name)
    if names is None:
        names = _names[name] = tuple(inspect.signature(original).parameters)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    found = {a: given[a] for a in _ARGUMENTS if a in given and isinstance(given[a], (str, int, float, bool))}
    found.setdefault("reduction", "mean")
    found.update({a: "given" for a in _TENSORS if a in given and isinstance(given[a], Tensor)})
    return found


def input_and_target(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """The first two arguments, however they were passed."""
    if name in PAIRS:
        return (args[0] if args else kwargs.get("input1")), (args[1] if len(args) > 1 else kwargs.get("input2"))
    first = args[0] if args else kwargs.get("input", kwargs.get("anchor"))
    second = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("positive"))
    return first, second


def wanted(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What the answer is held against: the second argument, or the third of a loss that is given a pair and what is to hold of it."""
    if name in PAIRS:
        return args[2] if len(args) > 2 else kwargs.get("target")
    return input_and_target(name, args, kwargs)[1]


def form(tensor: object) -> tuple[torch.Size, torch.dtype] | None:
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
        "key",
        "lines",
        "loader",
        "losses",
        "memory",
        "name",
        "samples",
        "statistics",
        "thread",
        "tick",
        "value",
        "ways",
        "weight",
    )  # fmt: skip
    __torch_unserializable__ = True  # a loss tensor may be saved: torch leaves this hook out, and does not warn

    def __init__(self, losses: Losses, function: str, arguments: dict[str, Any], lines: tuple[tuple[str, int], ...]) -> None:
        self.losses = losses
        self.function = function
        self.arguments = arguments
        self.lines = lines
        self.ways: tuple[int | None, ...] = ()  # the columns of the calls that led to it: a line may evaluate two data sets
        self.key: Key = (function, tuple(sorted(arguments.items())), lines[:1])  # calls with the same key are one series
        self.value: float | Tensor = math.nan
        self.accuracy: float | Tensor | None = None
        self.samples = 1
        self.fired = 0
        self.weight: float | Tensor | None = None
        self.tick = -1
        self.thread = threading.get_ident()
        self.given: tuple[Any, Any] = (None, None)  # shape and type of prediction and target
        self.statistics: Reading | None = None
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
        self.stream: Stream | None = None  # whose network is evaluated
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
