"""How a network is called and what its loss is made of: enough to call it again on a few samples."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

PROJECTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda out: out,
    "transpose": lambda out: out.transpose(1, 2),
    "last": lambda out: out[:, -1],
    "last time": lambda out: out[-1],
    "without the last": lambda out: out[:, :-1],
    "sigmoid": torch.sigmoid,
    "softmax": lambda out: torch.softmax(out, 1),
    "log softmax": lambda out: torch.log_softmax(out, 1),
    "last log softmax": lambda out: torch.log_softmax(out, -1),
}


@dataclass(frozen=True)
class Call:
    """The arguments of a forward: tensors of the samples stand in `slots`, everything else stays as it was."""

    spec: Any
    leaves: tuple[Any, ...]  # as they were; None in the slots
    slots: tuple[int, ...]
    names: tuple[str, ...]  # of the slots: "0" for the first argument, "mask" for a keyword
    axis: int  # of the samples in every slot: 0, or 1 for recurrent layers that put time first

    def arguments(self, tensors: Sequence[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments with these samples, batch first, in the slots."""
        filled = list(self.leaves)
        for slot, tensor in zip(self.slots, tensors, strict=True):
            filled[slot] = tensor.transpose(0, 1) if self.axis else tensor
        args, kwargs = pytree.tree_unflatten(filled, self.spec)
        return tuple(args), dict(kwargs)


@dataclass(frozen=True)
class Output:
    """Which tensor of the network's output goes into the loss, and how it was changed on the way."""

    index: int = 0
    projection: str = ""

    def pick(self, output: Any) -> Tensor:
        """The tensor as the loss takes it, before a reshape."""
        return PROJECTIONS[self.projection](list(tensors(output))[self.index])


@dataclass(frozen=True)
class Loss:
    """The program's loss function, to be called a sample at a time."""

    name: str
    function: Callable[..., Tensor]
    rest: tuple[Any, ...] = ()
    named: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def each(self, prediction: Tensor, target: Tensor, samples: int) -> Tensor:
        """The loss of every sample, (samples,): the mean over what belongs to it."""
        given = inspect.signature(self.function).bind_partial(prediction, target, *self.rest, **self.named)
        for gone in ("size_average", "reduce"):
            given.arguments.pop(gone, None)
        if "reduction" in inspect.signature(self.function).parameters:
            given.arguments["reduction"] = "none"
            values = self.function(*given.args, **given.kwargs)
            if values.numel() % samples == 0 and values.numel():
                return values.reshape(samples, -1).mean(1)
        one = [self.function(p, t, *self.rest, **self.named) for p, t in _pairs(prediction, target, samples)]
        return torch.stack([value.reshape(-1).mean() for value in one])


@dataclass
class Row:
    """One sample: the tensors of the call's slots without the batch, and the target if there is one."""

    tensors: list[Tensor]
    target: Tensor | None


def _pairs(prediction: Tensor, target: Tensor, samples: int) -> Iterator[tuple[Tensor, Tensor]]:
    rows, wanted = len(prediction) // samples, len(target) // samples
    for i in range(samples):
        yield prediction[i * rows : (i + 1) * rows], target[i * wanted : (i + 1) * wanted]


def tensors(value: Any, depth: int = 3) -> Iterator[Tensor]:
    """The float tensors of an output in order: nested tuples, lists, mappings and dataclasses."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif depth:
        parts: Any = ()
        if isinstance(value, Mapping):
            parts = value.values()
        elif dataclasses.is_dataclass(value):
            parts = [getattr(value, entry.name, None) for entry in dataclasses.fields(value)]
        elif isinstance(value, (tuple, list)):
            parts = value
        for part in parts:
            yield from tensors(part, depth - 1)


def call_of(module: nn.Module, args: Any, kwargs: Any, prediction: Tensor | None) -> tuple[Call, list[Tensor]] | str:
    """The call as a template and the samples of its slots, batch first; or in one line why that cannot be had."""
    paths, spec = pytree.tree_flatten_with_path((tuple(args), dict(kwargs)))
    leaves = [leaf for _, leaf in paths]
    given = [(i, leaf) for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.dim()]
    if not given:
        return "the network takes no tensor"
    if any(type(leaf).__name__ == "PackedSequence" for leaf in leaves) or any(
        isinstance(arg, nn.utils.rnn.PackedSequence) for arg in (*args, *kwargs.values())
    ):
        return "its input is a packed sequence: explain it on padded ones with diagnose.explain"
    first = given[0][1]
    axis = 1 if first.dim() > 1 and _time_first(module) and not _batch_first(first, prediction) else 0
    size = first.shape[axis]
    slots = [i for i, leaf in given if leaf.dim() > axis and leaf.shape[axis] == size]
    kept = tuple(
        None if i in slots else leaf.detach().clone() if isinstance(leaf, Tensor) else leaf
        for i, leaf in enumerate(leaves)
    )
    names = tuple(".".join(_key(key) for key in paths[i][0][1:]) for i in slots)
    samples = [leaves[i].detach().transpose(0, 1) if axis else leaves[i].detach() for i in slots]
    return Call(spec, kept, tuple(slots), names, axis), samples


def _key(key: Any) -> str:
    for name in ("key", "idx", "name"):
        if hasattr(key, name):
            return str(getattr(key, name))
    return str(key)


def _time_first(module: nn.Module) -> bool:
    """Whether its sequence layers put time before the samples."""
    told = [part.batch_first for part in module.modules() if isinstance(getattr(part, "batch_first", None), bool)]
    return bool(told) and not any(told)


def _batch_first(first: Tensor, prediction: Tensor | None) -> bool:
    """Whether the output's size says so all the same."""
    return prediction is not None and prediction.shape[0] == first.shape[0] != first.shape[1]


def output_of(output: Any, prediction: Tensor) -> Output | None:
    """Which tensor of an output the loss was given, as it was or after one of the usual steps between."""
    found = [tensor.detach() for tensor in tensors(output)]
    wanted = prediction.detach()
    for index, tensor in enumerate(found):
        for name, project in PROJECTIONS.items():
            try:
                shown = project(tensor)
            except (RuntimeError, IndexError):
                continue
            if shown.numel() != wanted.numel():
                continue
            if shown.data_ptr() == wanted.data_ptr() or torch.equal(shown.reshape(wanted.shape), wanted):
                return Output(index, name)
    return None


def by_sample(value: Tensor, samples: int, axis: int) -> Tensor | None:
    """A target as (samples, …); None where it is not made of equal parts a sample."""
    if not value.dim() or value.shape[0] % samples:
        return None
    rows = value.shape[0] // samples
    if rows == 1:
        return value.detach()
    if axis:  # time first: the parts of a sample lie `samples` apart
        return value.detach().reshape(rows, samples, *value.shape[1:]).transpose(0, 1)
    return value.detach().reshape(samples, rows, *value.shape[1:])
