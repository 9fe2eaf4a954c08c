"""One optimizer, or a hand-written update, as the recorder sees it: its networks, parameters and settings."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from diagnose.observe.networks import Modules, Network, activation_of, role_of
from diagnose.observe.sources import as_source, name_of, user_frames

_SETTINGS = (
    "lr", "momentum", "betas", "eps", "weight_decay", "nesterov", "amsgrad", "alpha", "dampening", "centered", "maximize",
    "max_iter", "history_size", "line_search_fn", "rho",
)  # fmt: skip


FOLLOWS = 0.5  # cosine between a move and a gradient: 1 for gradient descent, about n^-0.5 for n unrelated numbers
LOOKED_AT = 4  # gradients that are asked whether they are zero; the last layers' seldom are on their own account
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


def fans(shape: Sequence[int]) -> tuple[int | None, int | None]:
    """Inputs and outputs of a unit, as `torch.nn.init` counts them."""
    if len(shape) < 2:
        return None, None
    field = 1
    for n in shape[2:]:
        field *= n
    return shape[1] * field, shape[0] * field


class Stream:
    """What is known of one optimizer; `optimizer` is None for updates written by hand."""

    def __init__(self, index: int, optimizer: Optimizer | None, modules: Modules, taken: dict[int, Network]) -> None:
        self.index = index
        self.optimizer = None if optimizer is None else weakref.ref(optimizer)
        self.type = "by hand" if optimizer is None else type(optimizer).__name__
        self.networks: list[Network] = []
        self.paths: dict[int, str] = {}  # id of a parameter → path
        self.order: list[str] = []  # paths of optimized parameters
        self.source = as_source(next(((f.f_code.co_filename, f.f_lineno) for f in user_frames(1)), None))
        self.steps = 0
        self.due = True  # the next step is a snapshot
        self.before: dict[int, Tensor] = {}  # copies of the parameters before the step, on snapshots
        self.initialised = False
        self.cleared = True  # gradients were zeroed since the last step of this stream
        self.leftover: float | Tensor = 1.0  # largest of the gradients that were not: they may have been zeroed unseen
        self.idle = False  # has not stepped for longer than it used to: snapshots do not wait for it
        self.stepped = -1  # tick of its last step
        self.gap = 0  # ticks between its last two steps
        self.stepped_gradient: tuple[int, int, Any] | None = None  # id, version and weak reference of one gradient
        self.layer_order: list[str] = []
        self.known_layers: dict[str, int] = {}  # place → position that was written down
        self.silent: dict[str, Tensor] = {}
        self.described = 0
        self.gradients: dict[str, dict[str, Tensor]] = {}  # quantity → path → value, on snapshots
        self.present: dict[str, float] = {}
        self._watched: weakref.ref[Tensor] | None = None
        self._versions: list[tuple[weakref.ref[Tensor], int, Tensor | None]] = []
        self._slopes: list[Tensor | None] = []
        self._bare: list[weakref.ref[Tensor]] = []
        if optimizer is not None:
            self.find_networks(optimizer, modules, taken)

    def find_networks(self, optimizer: Optimizer, modules: Modules, taken: dict[int, Network]) -> None:
        """The topmost modules of the optimizer's parameters; known ones keep their names."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.networks = []
        for module in modules.owners(parameters):
            network = taken.get(id(module))
            if network is None or network.module() is not module:
                network = taken[id(module)] = Network(module, {n.name for n in taken.values()})
            self.networks.append(network)
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
        }

    def parameter_items(self, modules: Modules) -> Iterator[dict[str, Any]]:
        """Every parameter of its networks, optimized or not, and every tensor it optimizes without a module."""
        optimized = {id(p): p for p in self.parameters()}
        seen: set[int] = set()
        for network in self.networks:
            for path, module, parameter in network.named_parameters():
                seen.add(id(parameter))
                yield {
                    **self._item(path, parameter),
                    "layer": path.rsplit(".", 1)[0],
                    "optimized": id(parameter) in optimized,
                    "network": network.name,
                    "source": as_source(modules.line(module)),
                    "transposed": isinstance(module, nn.modules.conv._ConvTransposeNd),
                    "role": role_of(module),
                }
        for parameter in optimized.values():
            if id(parameter) not in seen:
                yield {**self._item(self.path(parameter), parameter), "layer": "", "optimized": True, "source": self.source}

    def _item(self, path: str, parameter: Tensor) -> dict[str, Any]:
        fan_in, fan_out = fans(parameter.shape)
        return {
            "path": path,
            "shape": list(parameter.shape),
            "size": parameter.numel(),
            "dtype": str(parameter.dtype).removeprefix("torch."),
            "trainable": parameter.requires_grad,
            "optimizer": self.index,
            "fan_in": fan_in,
            "fan_out": fan_out,
        }

    def copy_before(self) -> None:
        """Copies of the parameters as they are now, for the size of the coming update."""
        self.before = {id(p): p.detach().clone() for p in self.parameters() if p.requires_grad and _local(p)}

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
        gradients = [p.grad for p in self.parameters()[-LOOKED_AT:] if p.grad is not None and not p.grad.is_sparse]
        usable = [g.detach() for g in gradients if type(g) in (Tensor, nn.Parameter) and g.numel()]
        if not usable:
            return 1.0
        largest = torch.stack([g.abs().amax().to(torch.float32) for g in usable]).amax()
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

    def stray_item(self, parameter: Tensor, modules: Modules) -> dict[str, Any]:
        """A parameter that gets a gradient and belongs to no network of ours: a layer in a plain list, say."""
        owner, name = modules.holder(parameter)
        path = None if owner is None else self._attribute(owner)
        line = None if owner is None else modules.line(owner)
        if owner is None:
            path, layer = name_of(parameter, user_frames(6)) or "a parameter outside the optimizer", ""
        else:
            layer = path or f"{type(owner).__name__} ({line[0].rsplit('/', 1)[-1]}:{line[1]})" if line else type(owner).__name__
            path = f"{layer}.{name}"
        self.paths[id(parameter)] = path
        return {**self._item(path, parameter), "layer": layer, "optimized": False, "reached": True, "optimizer": None,
                "source": as_source(line)}  # fmt: skip

    def _attribute(self, owner: nn.Module) -> str | None:
        """The path of a module that stands in a list, tuple or dict attribute of one of the networks."""
        for network in self.networks:
            for path, module in network.named_modules():
                for attribute, value in list(vars(module).items()):
                    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
                    if attribute.startswith("_"):
                        continue
                    for key, entry in entries:
                        if entry is owner:
                            return f"{path}.{attribute}[{key}]"
        return None

    def take_modules(self, leaves: Sequence[Tensor], modules: Modules, taken: dict[int, Network]) -> None:
        """The networks of parameters that are updated by hand."""
        for module in modules.owners(leaves):
            network = taken.get(id(module))
            if network is None:
                network = taken[id(module)] = Network(module, {n.name for n in taken.values()})
            self.networks.append(network)

    def remember_bare(self) -> None:
        """The parameters as they are before a backward, to see whether the program changes them after."""
        self._versions = []
        for tensor in self.parameters():
            small = tensor.device.type == "cpu" and tensor.numel() <= 1_000_000
            self._versions.append((weakref.ref(tensor), tensor._version, tensor.detach().clone() if small else None))

    def bare_alive(self) -> bool:
        """Whether the tensors of the last backward are still there."""
        return bool(self._bare) and all(ref() is not None for ref in self._bare)

    def remember_slopes(self, given: Mapping[int, Tensor]) -> None:
        """The gradients of small parameters: where new tensors take their place, the way they went tells."""
        self._slopes = []
        for tensor, (_, _, then) in zip(self.parameters(), self._versions, strict=False):
            gradient = given.get(id(tensor), tensor.grad)
            usable = then is not None and gradient is not None and type(gradient) is Tensor
            self._slopes.append(gradient.detach().clone() if usable and gradient is not None else None)

    def bare_changed(self) -> bool:
        """Whether a parameter changed since `remember_bare`, in place or through `.data`."""
        for ref, version_then, then in self._versions:
            tensor = ref()
            if tensor is None:
                continue
            if tensor._version != version_then:
                return True
            if then is not None and (tensor.shape != then.shape or not torch.equal(tensor.detach(), then)):
                return True
        return False

    def bare_replaced(self, leaves: Sequence[Tensor]) -> bool:
        """Whether new tensors stand where the parameters were: all are gone, and the new ones lie where the gradients led.

        Inputs with a gradient (saliency maps, attacks) are new in each iteration too; they lie anywhere.
        """
        if not self._versions or any(ref() is not None for ref, _, _ in self._versions):
            return False
        if len(leaves) != len(self._versions) or len(self._slopes) != len(leaves):
            return False
        moves, slopes = [], []
        for new, (_, _, then), slope in zip(leaves, self._versions, self._slopes, strict=True):
            if then is None or slope is None or new.shape != then.shape:
                return False
            moves.append((new.detach() - then).reshape(-1).to(torch.float64))
            slopes.append(slope.reshape(-1).to(torch.float64))
        return bool(abs(torch.cosine_similarity(torch.cat(moves), torch.cat(slopes), dim=0)) > FOLLOWS)

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
    """Dropout that drops, batch statistics that are tracked, recurrent nets with dropout between layers."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return bool(module.p > 0)
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return bool(module.track_running_stats)
    if isinstance(module, nn.RNNBase):
        return module.dropout > 0 and module.num_layers > 1
    if isinstance(module, nn.MultiheadAttention):
        return bool(module.dropout > 0)
    return False


def _local(tensor: Tensor) -> bool:
    """A tensor we may compute with: no operation of ours ever runs on a DTensor (it would wait for other ranks)."""
    return type(tensor) in (Tensor, nn.Parameter)


def layer_item(path: str, module: nn.Module, network: str, modules: Modules, settings: dict[str, Any]) -> dict[str, Any]:
    """What is written down of a module that ran."""
    return {
        "path": path,
        "type": type(module).__name__,
        "role": role_of(module),
        "activation": activation_of(module),
        "functional": False,
        "parameters": [f"{path}.{name}" for name, p in module._parameters.items() if p is not None],
        "settings": settings,
        "network": network,
        "source": as_source(modules.line(module)),
    }


def version(gradient: Tensor | None) -> tuple[int, int, Any] | None:
    """Identity and version counter of a gradient: zeroing, replacing and adding all change one of them."""
    return None if gradient is None else (id(gradient), gradient._version, weakref.ref(gradient))


def same(gradient: Tensor | None, seen: tuple[int, int, Any] | None) -> bool:
    """Whether a gradient is still the very one, untouched."""
    return gradient is not None and seen is not None and seen[2]() is gradient and gradient._version == seen[1]


def no_grad() -> Any:
    """`torch.no_grad()`: our own arithmetic never becomes part of the program's graph."""
    return torch.no_grad()
