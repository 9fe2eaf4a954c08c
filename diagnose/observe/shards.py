"""Tensors that are spread over processes, looked at from one of them: what it holds, and what it must not touch.

An operation on a DTensor may wait for the other ranks, and hang the job if they do not take part. So nothing here runs one:
the local piece is an attribute.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from math import prod
from typing import Any

from torch import Tensor, nn

_PLAIN = (Tensor, nn.Parameter)
_WRAPPERS = ("DistributedDataParallel", "DataParallel", "FSDPModule", "FullyShardedDataParallel")


def spread(tensor: object) -> bool:
    """Whether this is a DTensor; torch.distributed.tensor is not imported for the question."""
    kind = getattr(sys.modules.get("torch.distributed.tensor"), "DTensor", None)
    return kind is not None and isinstance(tensor, kind)


def local(tensor: Tensor | None) -> Tensor | None:
    """What this process holds of a tensor, to compute with: itself, or a DTensor's own piece.

    None for other subclasses, and for pieces that mean nothing before the ranks have added them up.
    """
    if type(tensor) in _PLAIN:
        return tensor
    if not spread(tensor) or any(placement.is_partial() for placement in tensor._spec.placements):  # type: ignore[union-attr]
        return None
    piece = tensor._local_tensor  # type: ignore[union-attr]
    return piece if type(piece) is Tensor else None


def held(tensors: Iterable[Tensor | None]) -> list[Tensor | None]:
    """What this process holds of each; most are plain."""
    return [tensor if type(tensor) in _PLAIN else local(tensor) for tensor in tensors]


def shard(tensor: Tensor) -> dict[str, Any] | None:
    """How a parameter is spread: over which "ranks", how many "copies" there are of each piece, the "size" of the piece
    here, the "axes" of the mesh. None for one that every rank has whole."""
    if not spread(tensor):
        return None
    spec = tensor._spec  # type: ignore[attr-defined]
    sizes = list(spec.mesh.mesh.shape)
    copies = prod(size for size, placement in zip(sizes, spec.placements, strict=True) if placement.is_replicate())
    if copies == prod(sizes):
        return None
    piece = local(tensor)
    return {
        "ranks": spec.mesh.mesh.flatten().tolist(), "copies": copies, "axes": len(sizes),
        "size": 0 if piece is None else piece.numel(),
    }  # fmt: skip


def class_of(module: nn.Module) -> type[nn.Module]:
    """The class that the program wrote: `fully_shard` puts one of its own in front (`FSDPLinear`)."""
    kinds = type(module).__mro__
    return kinds[2] if len(kinds) > 2 and kinds[1].__name__ == "FSDPModule" else kinds[0]


def wrapper_of(module: nn.Module) -> str | None:
    """What makes a network one of several copies or pieces: the wrapper's class."""
    return next((kind.__name__ for kind in type(module).__mro__ if kind.__name__ in _WRAPPERS), None)


def gathered(module: nn.Module) -> dict[int, nn.Parameter]:
    """The whole parameters that `fully_shard` gathers for a forward and puts in place of the pieces: by their identity,
    the parameter that the optimizer knows. torch has no public way to ask for them."""
    state = getattr(module, "_get_fsdp_state", None)
    if state is None:
        return {}
    found = {}
    for group in getattr(state(), "_fsdp_param_groups", None) or [getattr(state(), "_fsdp_param_group", None)]:
        for one in getattr(group, "fsdp_params", ()):
            whole = getattr(one, "_unsharded_param", None)
            if whole is not None:
                found[id(whole)] = one.sharded_param
    return found
