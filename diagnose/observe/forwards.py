"""One call of a network during a snapshot: the places that it passed, and what was read at each."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from diagnose.observe.hand_written import MOST, Output
from diagnose.observe.networks import Network, NoModule, activation_of, channels_first, role_of
from diagnose.observe.probes.outputs import Reading

CALLS = 4  # places a module that is called several times in one forward gets; the rest is pooled into the last


class Record:
    """One place in one forward."""

    __slots__ = ("gradients", "more", "reading", "training")

    def __init__(self, training: bool | None) -> None:
        self.training = training
        self.reading: Reading | None = None
        self.more: dict[str, Tensor] = {}  # what only some layers have
        self.gradients: list[Tensor] = []  # norm of each that came back


class Layer:
    """What of a module is the same at every call."""

    __slots__ = ("_known", "activation", "axis", "channels", "network", "path", "recurrent", "role")

    def __init__(self, network: Network, path: str, module: nn.Module) -> None:
        self.network = network
        self.path = path
        self.role = role_of(module)
        self.activation = activation_of(module)
        self.axis = getattr(module, "dim", None)  # a softmax's
        self.channels = channels_first(self.role)
        self.recurrent = isinstance(module, nn.RNNBase)
        self._known: dict[int, tuple[bool, int]] = {}

    def axes(self, dimensions: int) -> tuple[bool, int]:
        """Of an output of so many dimensions: whether axis 1 is the channel, and the axis that a softmax runs along."""
        known = self._known.get(dimensions)
        if known is None:
            known = self._known[dimensions] = self._channels_first(dimensions), self._softmax_axis(dimensions)
        return known

    def _channels_first(self, dimensions: int) -> bool:
        """Whether axis 1 of its output is the channel."""
        return self.channels or (dimensions == 4 and self.role in ("normalization", "activation", "dropout", "pooling"))

    def _softmax_axis(self, dimensions: int) -> int:
        """The axis that a softmax runs along."""
        if isinstance(self.axis, int) and -dimensions <= self.axis < dimensions:
            return self.axis
        return 1 if dimensions == 4 else -1


class Forward:
    """One call of a network from outside: the places it passed, and whether a backward came back through it."""

    def __init__(self, network: Network | NoModule) -> None:
        self.network = network
        self.records: dict[str, Record] = {}
        self.counts: dict[str, int] = {}
        self.outputs: dict[int, str] = {}  # key of the autograd node that made an output → place
        self.starts: dict[str, list[int]] = {}  # place → keys of the nodes that made its inputs
        self.output: Output | None = None  # of the whole call
        self.fired = False

    def keep_output(self, output: Any) -> None:
        """Keeps what the call gave until the step is over, for losses that are written by hand."""
        if type(output) is Tensor and output.requires_grad and output.is_floating_point() and output.numel() <= MOST:
            self.output = Output(output)

    def place(self, path: str) -> str:
        """`path` for the first call in this forward, `path#2` for the second, …"""
        n = self.counts[path] = self.counts.get(path, 0) + 1
        return path if n == 1 else f"{path}#{min(n, CALLS)}"
