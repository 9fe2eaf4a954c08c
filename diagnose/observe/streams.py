"""One optimizer, or a hand-written update, as the recorder sees it: its networks, parameters and settings."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from diagnose.observe.networks import Modules, Network, Networks, NoModule, is_layer
from diagnose.observe.shards import held
from diagnose.observe.sources import as_source, name_of, user_frames, where
from diagnose.observe.torch_state import Untracked

_SETTINGS = (
    "max_lr",  # where a schedule means to take the rate
    "lr", "momentum", "betas", "eps", "weight_decay", "nesterov", "amsgrad", "alpha", "dampening", "centered", "maximize",
    "max_iter", "history_size", "line_search_fn", "rho",
)  # fmt: skip


KEPT = 1_000_000  # elements of copies whose memory is kept from one snapshot to the next
# Gradients that are asked whether they are zero: the smallest (biases, where there are any) of the last layers', which seldom
# are on their own account.
LAST, LOOKED_AT = 8, 4
# Ticks that a snapshot waits for a stream: a critic that steps five times as often as its generator (Gulrajani et al.
# 2017) is waited for from the start, one that steps a hundred times as often once that is known.
LEAST_PATIENCE, MOST_PATIENCE = 8, 256


def plain_settings(group: dict[str, Any]) -> dict[str, Any]:
    """A parameter group's settings as plain values."""
    found: dict[str, Any] = {}
    for name in _SETTINGS:
        value = group.get(name)
        if isinstance(value, Tensor):
            continue  # a learning rate on the device: reading it would wait
        if isinstance(value, (bool, int, float, str)):
            found[name] = value
        elif isinstance(value, tuple) and all(isinstance(v, (int, float)) for v in value):
            found[name] = list(value)
    return found


class Stream:
    """What is known of one optimizer; `optimizer` is None for updates written by hand."""

    def __init__(self, index: int, optimizer: Optimizer | None, modules: Modules, taken: Networks) -> None:
        self.index = index
        self.optimizer = None if optimizer is None else weakref.ref(optimizer)
        self.thread = threading.get_ident()  # that trains with it
        self.type = "by hand" if optimizer is None else type(optimizer).__name__
        self.networks: list[Network] = []
        self.no_module = NoModule()  # for tensors it trains that belong to none of them
        self.paths: dict[int, str] = {}  # id of a parameter → path
        self.order: list[str] = []  # paths of optimized parameters
        self.line = where()  # that built it
        self.source = as_source(self.line)
        self.steps = 0
        self.due = True  # the next step is a snapshot
        self._copies: dict[int, Tensor] = {}  # memory for these: to take it anew on each step costs more than to copy
        self._forms: dict[int, tuple[torch.Size, torch.dtype, torch.device]] = {}  # of these
        self.before: dict[int, Tensor] = {}  # copies of the parameters before the step, on snapshots
        self.initialised = False
        self.cleared = True  # gradients were zeroed since the last step of this stream
        self.seen = True  # the step before was looked at, so that what it left can be told from what is there
        self.leftover: float | Tensor = 1.0  # largest of the gradients that were not: they may have been zeroed unseen
        self.idle = False  # has not stepped for longer than it used to: snapshots do not wait for it
        self.stepped = -1  # tick of its last step
        self.counted = -1  # tick of its last step that was counted only
        self.gap = 0  # ticks between its last two steps
        self.stepped_gradient: tuple[int, int, Any] | None = None  # id, version and weak reference of one gradient
        self.layer_order: list[str] = []
        self.known_layers: dict[str, int] = {}  # place → position that was written down
        self.silent: dict[str, Tensor] = {}
        self.described = 0
        self.frozen: set[int] = set()  # ids of parameters that asked for no gradient when that was looked at last
        self.told: tuple[int, ...] = ()  # how much there was to be written down when that was done last
        self.gradients: dict[str, dict[str, Tensor]] = {}  # quantity → path → value, on snapshots
        self.present: dict[str, float] = {}
        self._watched: weakref.ref[Tensor] | None = None
        self._bare: list[weakref.ref[Tensor]] = []
        if optimizer is not None:
            self.find_networks(optimizer, modules, taken)

    def find_networks(self, optimizer: Optimizer, modules: Modules, taken: Networks) -> None:
        """The topmost modules of the optimizer's parameters; known ones keep their names."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.networks = []
        for module in modules.owners(parameters):
            self.networks.append(taken.of(module))
        self._name_parameters(parameters)

    def take_bare(self, tensors: Sequence[Tensor]) -> None:
        """Leaf tensors that the program updates by hand."""
        self._bare = [weakref.ref(t) for t in tensors]
        self._name_parameters(list(tensors))

    def _name_parameters(self, parameters: Sequence[Tensor]) -> None:
        self.paths = {id(p): path for network in self.networks for path, _, p in network.named_parameters()}
        self.order = []
        frames = user_frames(6)
        where = f"{self.source['file'].rsplit('/', 1)[-1]}:{self.source['line']}" if self.source else "?"
        for i, parameter in enumerate(parameters):
            if id(parameter) not in self.paths:
                name = name_of(parameter, frames)
                self.paths[id(parameter)] = name or f"parameter {i} of {self.type} ({where})"
            self.order.append(self.paths[id(parameter)])

    def parameters(self) -> list[Tensor]:
        """The tensors it trains, in order."""
        if self.optimizer is None:
            return [t for t in (ref() for ref in self._bare) if t is not None]
        optimizer = self.optimizer()
        return [] if optimizer is None else [p for group in optimizer.param_groups for p in group["params"]]

    def path(self, parameter: Tensor) -> str:
        """A parameter's path; one that came later gets a name by its place."""
        known = self.paths.get(id(parameter))
        if known is None:
            known = self.paths[id(parameter)] = f"parameter {len(self.paths)} of {self.type}"
        return known

    def facts(self) -> dict[str, Any]:
        """What is written down of the optimizer."""
        optimizer = None if self.optimizer is None else self.optimizer()
        settings = plain_settings(optimizer.param_groups[0]) if optimizer is not None and optimizer.param_groups else {}
        if optimizer is not None:
            settings["groups"] = len(optimizer.param_groups)
        return {
            "type": self.type,
            "settings": settings,
            "source": self.source,
            "networks": [n.name for n in self.networks],
            "network_types": {n.name: n.type for n in self.networks},
            "wrappers": {n.name: n.wrapper for n in self.networks if n.wrapper},
        }

    def copy_before(self) -> None:
        """Copies of the parameters as they are now, for the size of the coming update."""
        trained = [p for p in self.parameters() if p.requires_grad]
        pieces = {id(p): piece for p, piece in zip(trained, held(trained), strict=True) if piece is not None}
        forms = {key: (piece.shape, piece.dtype, piece.device) for key, piece in pieces.items()}
        if forms != self._forms:
            self._copies, self._forms = {key: torch.empty_like(piece) for key, piece in pieces.items()}, forms
        if pieces:
            torch._foreach_copy_(list(self._copies.values()), list(pieces.values()))  # one call for all
        self.before = dict(self._copies)
        if sum([piece.numel() for piece in pieces.values()]) > KEPT:
            self._copies, self._forms = {}, {}

    def watched(self) -> Tensor | None:
        """One parameter with a gradient: what happens to its gradient stands for all."""
        known = None if self._watched is None else self._watched()
        if known is not None and known.grad is not None:
            return known
        for parameter in self.parameters():
            if parameter.grad is not None:
                self._watched = weakref.ref(parameter)
                return parameter
        return known

    def left(self) -> float | Tensor:
        """The largest magnitude among a few gradients: zeroing through `.data` leaves no other trace."""
        gradients = held([p.grad for p in self.parameters()[-LAST:] if p.grad is not None and not p.grad.is_sparse])
        usable = sorted([g.detach() for g in gradients if g is not None and g.numel()], key=Tensor.numel)[:LOOKED_AT]
        if not usable:
            return 1.0
        with Untracked():
            largest = torch.stack([norm.to(torch.float32) for norm in torch._foreach_norm(usable, math.inf)]).amax()
        return float(largest.numpy()) if largest.device.type == "cpu" else largest

    def steps_at(self, tick: int) -> None:
        """It has stepped: snapshots wait for it again, about as long as it takes from one step to the next."""
        self.gap = tick - self.stepped if self.stepped >= 0 else 1
        self.stepped, self.idle = tick, False

    @property
    def patience(self) -> int:
        """For how many ticks a snapshot waits for its step."""
        return min(MOST_PATIENCE, max(LEAST_PATIENCE, 2 * self.gap))

    def reached(self, parameter: Tensor) -> bool:
        """Whether a gradient has come to it."""
        return parameter.grad is not None or self.present.get(self.path(parameter)) == 1.0

    def take_modules(self, leaves: Sequence[Tensor], modules: Modules, taken: Networks) -> None:
        """The networks of parameters that are updated by hand."""
        for module in modules.owners(leaves):
            self.networks.append(taken.of(module))

    def bare_alive(self) -> bool:
        """Whether the tensors of the last backward are still there."""
        return bool(self._bare) and all(ref() is not None for ref in self._bare)

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """All modules of its networks with their paths."""
        for network in self.networks:
            yield from network.named_modules()

    def mode_layers(self) -> Iterable[tuple[str, nn.Module]]:
        """Layers whose behaviour depends on training mode."""
        for network in self.networks:
            for path, module in network.named_modules():
                if depends_on_mode(module):
                    yield path, module


def depends_on_mode(module: nn.Module) -> bool:
    """Dropout that drops, batch statistics that are tracked, dropout inside of recurrent nets and attention; other layers whose
    code asks for the mode."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return bool(module.p > 0)
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return bool(module.track_running_stats)
    if isinstance(module, nn.RNNBase):
        return module.dropout > 0 and module.num_layers > 1
    if isinstance(module, nn.MultiheadAttention):
        return bool(module.dropout > 0)
    return is_layer(module) and _asks_for_mode(type(module))


_asking: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()  # classes that were looked at


def _asks_for_mode(kind: type) -> bool:
    """Whether a class that is none of torch's reads `self.training` in a function of its own."""
    if kind not in _asking:
        functions = [f for part in kind.__mro__ if not part.__module__.startswith("torch.") for f in vars(part).values()]
        _asking[kind] = any(isinstance(f, FunctionType) and "training" in f.__code__.co_names for f in functions)
    return _asking[kind]


def version(gradient: Tensor | None) -> tuple[int, int, Any] | None:
    """Identity and version counter of a gradient: zeroing, replacing and adding all change one of them."""
    return None if gradient is None else (id(gradient), gradient._version, weakref.ref(gradient))


def same(gradient: Tensor | None, seen: tuple[int, int, Any] | None) -> bool:
    """Whether a gradient is still the very one, untouched."""
    return gradient is not None and seen is not None and seen[2]() is gradient and gradient._version == seen[1]
