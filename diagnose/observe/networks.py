"""Which modules belong to an optimizer: found from its parameters, named as the program names them."""

from __future__ import annotations

import copy
import gc
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from diagnose.observe.shards import class_of, gathered, wrapper_of
from diagnose.observe.sources import name_of, user_frames, where

_WRAPPERS = ("_orig_mod.", "module.")
_RECONSTRUCT = getattr(getattr(copy, "_reconstruct", None), "__code__", None)
_DEPTH = 8  # our own frames, and those of classes that extend `__setstate__`


class Modules:
    """All modules built since we are attached, their parents, and the lines that built them.

    Fed by torch's registration hooks, which fire once a parameter or child and leave no trace in the modules. Copies and
    loaded modules pass none: they are kept apart, and asked only for parameters that no other module holds.
    """

    def __init__(self) -> None:
        self._known: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._restored: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._lines: weakref.WeakKeyDictionary[nn.Module, tuple[str, int]] = weakref.WeakKeyDictionary()
        self._scanned = False

    def registered(self, module: nn.Module) -> None:
        """A parameter or child was given to `module`."""
        if module not in self._known:
            self._known.add(module)
            line = where()
            if line is not None:
                self._lines[module] = line

    def restored(self, module: nn.Module) -> None:
        """The state of `module` was set at once: it is a copy, or was loaded."""
        self._restored.add(module)
        original = _original(module)
        if original is not None and (line := self._lines.get(original)) is not None:
            self._lines[module] = line

    def _all(self, modules: weakref.WeakSet[nn.Module] | None = None) -> list[nn.Module]:
        while True:
            try:
                return list(self._known if modules is None else modules)
            except RuntimeError:  # another thread of the program has built a module meanwhile
                continue

    def line(self, module: nn.Module) -> tuple[str, int] | None:
        """Where the program built it, when known."""
        return self._lines.get(module)

    def holder(self, parameter: Tensor) -> tuple[nn.Module | None, str]:
        """The module that holds a parameter, and its name there."""
        for module in self._all():
            for name, own in module.__dict__.get("_parameters", {}).items():
                if own is parameter:
                    return module, name
        return None, ""

    def owners(self, parameters: Iterable[Tensor]) -> list[nn.Module]:
        """The topmost modules that hold any of these parameters, in the parameters' order."""
        parameters = list(parameters)
        wanted = {id(p) for p in parameters}
        if not wanted:
            return []
        holding = self._holding(wanted)
        if missing := wanted - {id(p) for module in holding for p in module.parameters()}:
            self._known.update(self._holding(missing, self._restored))
            holding = self._holding(wanted)
            missing -= {id(p) for module in holding for p in module.parameters()}
        if missing and not self._scanned:
            # Modules built before us, and those with a way of their own to be copied: look at everything once.
            # `isinstance` would wake lazy objects of the program, so only types are asked.
            self._scanned = True
            for thing in gc.get_objects():
                if issubclass(type(thing), nn.Module):
                    self._known.add(thing)
            holding = self._holding(wanted)
        inside = {id(child) for module in holding for child in module.modules() if child is not module}
        place = {id(p): i for i, p in reversed(list(enumerate(parameters)))}
        topmost = [module for module in holding if id(module) not in inside]
        return sorted(topmost, key=lambda module: min(place.get(id(p), len(place)) for p in module.parameters()))

    def _holding(self, wanted: set[int], among: weakref.WeakSet[nn.Module] | None = None) -> list[nn.Module]:
        known = [module for module in self._all(among) if "_modules" in module.__dict__]
        return [module for module in known if any(id(p) in wanted for p in module.parameters())]


def _original(module: nn.Module) -> nn.Module | None:
    """What `module` is being copied from, when `copy` is at work: the frame that sets its state still has it."""
    frame = sys._getframe()
    for _ in range(_DEPTH):
        if frame.f_back is None:
            return None
        frame = frame.f_back
        if frame.f_code is _RECONSTRUCT:
            held = frame.f_locals
            original = held.get("x")
            return original if held.get("y") is module and isinstance(original, nn.Module) else None
    return None


def unwrapped(module: nn.Module) -> nn.Module:
    """The user's module inside DataParallel, DistributedDataParallel and compiled wrappers."""
    while True:
        inner = getattr(module, "_orig_mod", None)
        if inner is None and type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
            inner = getattr(module, "module", None)
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def clean(path: str) -> str:
    """A module path without what wrappers add."""
    for wrapper in _WRAPPERS:
        path = path.replace(f".{wrapper}", ".")
        path = path.removeprefix(wrapper)
    return path.replace("._orig_mod", "").replace("_orig_mod", "")


def joined(network: str, path: str) -> str:
    """`net` and `fc.weight` make `net.fc.weight`."""
    path = clean(path)
    return f"{network}.{path}" if path else network


class Network:
    """One topmost module with the name the program has for it."""

    def __init__(self, module: nn.Module) -> None:
        self.module = weakref.ref(module)
        inner = unwrapped(module)
        frames = user_frames(6)
        self.name = name_of(module, frames) or name_of(inner, frames) or type(inner).__name__
        self.type = class_of(inner).__name__
        self._roots: list[weakref.ref[nn.Module]] = [self.module]
        self._others: dict[int, weakref.ref[nn.Module]] = {}  # modules that were called and are no part of it

    def roots(self) -> list[nn.Module]:
        """The topmost modules whose forward really runs; the top itself until it is known better."""
        return [m for m in (ref() for ref in self._roots) if m is not None]

    def learn_roots(self, called: Iterable[nn.Module]) -> bool:
        """Takes the modules that were called from outside during a snapshot as roots; whether that changed anything."""
        top, known = self.module(), {id(m) for m in self.roots()}
        called = [m for m in called if (other := self._others.get(id(m))) is None or other() is not m]
        if top is None or all(id(m) in known for m in called):
            return False
        inside = {id(m) for m in top.modules()}
        found = [m for m in called if id(m) in inside]
        self._others |= {id(m): weakref.ref(m) for m in called if id(m) not in inside}
        if not found or {id(m) for m in found} <= known:
            return False
        if any(m is top for m in found):
            found = [top]
        self._roots = [weakref.ref(m) for m in found]
        return True

    @property
    def wrapper(self) -> str | None:
        """What makes it one of several copies, or pieces of one: DistributedDataParallel, FSDPModule, …"""
        top = self.module()
        return None if top is None else wrapper_of(top)

    def gathered(self) -> dict[int, Tensor]:
        """The parameters that the optimizer knows, by those that a forward puts in their place."""
        top = self.module()
        return {} if top is None else {key: p for module in top.modules() for key, p in gathered(module).items()}

    def holds(self, parameters: Sequence[Tensor]) -> bool:
        """Whether none of these parameters is another network's."""
        top = self.module()
        if top is None:
            return False
        if not parameters:
            return True
        own = {id(p) for p in top.parameters()}
        return all(id(p) in own or not isinstance(p, nn.Parameter) for p in parameters)

    def path_of(self, module: nn.Module) -> str | None:
        """The full path of one of its modules."""
        return next((path for path, m in self.named_modules() if m is module), None)

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Every module below and including the top, with its full path."""
        top = self.module()
        if top is None:
            return
        for path, module in top.named_modules():
            yield joined(self.name, path), module

    def named_parameters(self) -> Iterator[tuple[str, nn.Module, Tensor]]:
        """Every parameter with its full path and the module that holds it, each once."""
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, parameter in module._parameters.items():
                if parameter is not None and id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield f"{path}.{name}", module, parameter


class NoModule:
    """Stands for a network where what is trained are tensors of no module: all of them are its own."""

    name = ""

    def holds(self, parameters: Sequence[Tensor]) -> bool:
        """Whether none of these parameters is a module's."""
        return True


_ROLES: tuple[tuple[tuple[type[nn.Module], ...], str], ...] = (
    ((nn.Linear, nn.Bilinear), "linear"),
    ((nn.modules.conv._ConvNd,), "convolution"),
    ((nn.RNNBase, nn.RNNCellBase), "recurrent"),
    ((nn.Embedding, nn.EmbeddingBag), "embedding"),
    ((nn.MultiheadAttention,), "attention"),
    (
        (
            nn.modules.batchnorm._NormBase,
            nn.LayerNorm,
            nn.GroupNorm,
            nn.LocalResponseNorm,
            *((nn.RMSNorm,) if hasattr(nn, "RMSNorm") else ()),
        ),
        "normalization",
    ),
    ((nn.modules.dropout._DropoutNd,), "dropout"),
    ((nn.Flatten, nn.Unflatten, nn.Identity, nn.PixelShuffle, nn.Upsample), "reshape"),
)
_ACTIVATIONS = {
    nn.ReLU: "relu", nn.ReLU6: "relu6", nn.LeakyReLU: "leaky_relu", nn.PReLU: "prelu", nn.RReLU: "rrelu", nn.ELU: "elu",
    nn.SELU: "selu", nn.CELU: "celu", nn.GELU: "gelu", nn.SiLU: "silu", nn.Mish: "mish", nn.Sigmoid: "sigmoid",
    nn.LogSigmoid: "log_sigmoid", nn.Tanh: "tanh", nn.Hardtanh: "hardtanh", nn.Hardsigmoid: "hardsigmoid",
    nn.Hardswish: "hardswish", nn.Softplus: "softplus", nn.Softsign: "softsign", nn.Softmax: "softmax",
    nn.LogSoftmax: "log_softmax", nn.Softmin: "softmin", nn.Softmax2d: "softmax", nn.Threshold: "threshold",
    nn.GLU: "glu", nn.Softshrink: "softshrink", nn.Hardshrink: "hardshrink", nn.Tanhshrink: "tanhshrink",
}  # fmt: skip
_SETTINGS = (
    "in_features", "out_features", "in_channels", "out_channels", "kernel_size", "stride", "padding", "groups", "p", "dim",
    "negative_slope", "num_features", "momentum", "affine", "track_running_stats", "input_size", "hidden_size", "num_layers",
    "bidirectional", "batch_first", "dropout", "num_embeddings", "embedding_dim", "padding_idx", "sparse", "embed_dim",
    "num_heads", "normalized_shape", "num_groups", "nonlinearity", "inplace", "eps",
)  # fmt: skip


def activation_of(module: nn.Module) -> str | None:
    """The activation's name, for activation modules."""
    return _ACTIVATIONS.get(class_of(module))


def role_of(module: nn.Module) -> str:
    """What kind of layer a module is (one of diagnose.run.ROLES)."""
    if class_of(module) in _ACTIVATIONS:
        return "activation"
    for types, role in _ROLES:
        if isinstance(module, types):
            return role
    if "pool" in type(module).__name__.lower():
        return "pooling"
    return "container" if next(module.children(), None) is not None else "other"


def settings_of(module: nn.Module) -> dict[str, Any]:
    """Constructor arguments worth knowing, as plain values."""
    found: dict[str, Any] = {}
    for name in _SETTINGS:
        value = module.__dict__.get(name)
        if isinstance(value, (bool, int, float, str)):
            found[name] = value
        elif isinstance(value, tuple) and all(isinstance(v, (int, float)) for v in value):
            found[name] = list(value)
    if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
        found["bias"] = module.bias is not None
    return found


def is_layer(module: nn.Module) -> bool:
    """Whether a module's output is observed: leaves, and the modules that compute with parts of their own."""
    return isinstance(module, nn.MultiheadAttention) or next(module.children(), None) is None


def channels_first(role: str) -> bool:
    """Whether axis 1 of such a layer's output is its channel."""
    return role in ("convolution", "pooling")


class Networks:
    """The networks of a program: those that it has dropped are forgotten, but for their names, which nothing else gets."""

    def __init__(self) -> None:
        self._known: dict[int, Network] = {}  # by the id of their module
        self._names: dict[str, int] = {}  # → the number of the last one of this name

    def __iter__(self) -> Iterator[Network]:
        return iter(list(self._known.values()))

    def of(self, module: nn.Module) -> Network:
        """The network of a topmost module."""
        network = self._known.get(id(module))
        if network is not None and network.module() is module:
            return network
        for key in [key for key, other in list(self._known.items()) if other.module() is None]:
            del self._known[key]
        network = self._known[id(module)] = Network(module)
        network.name = self._free(network.name)
        return network

    def _free(self, base: str) -> str:
        name, number = base, self._names.get(base, 0) + 1
        while number > 1 and (name := f"{base}{number}") in self._names:
            number += 1
        self._names[base] = number
        self._names.setdefault(name, 1)
        return name
