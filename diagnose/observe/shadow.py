"""The loss of evaluations that compute only an accuracy: the training's own, repeated on what they put out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diagnose.observe.loss_calls import LossCall
from diagnose.observe.nested import first_tensor
from diagnose.observe.probes.losses import accuracy
from diagnose.observe.sources import user_frames
from diagnose.observe.transfer import number

if TYPE_CHECKING:
    from diagnose.observe.session import Session


@dataclass(frozen=True)
class Role:
    """How the training computes its loss."""

    call: LossCall
    original: Callable[..., Any]
    args: tuple[Any, ...]  # behind prediction and target
    kwargs: Mapping[str, Any]
    position: int  # of the target in the loader's batch
    dimensions: int  # of the prediction
    width: torch.Size  # of its second axis: a part of the network gives something else
    dtype: torch.dtype  # of the target


class Shadow:
    """Learns the training's loss, and repeats it where the program evaluates without one."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.role: Role | None = None

    def learn(
        self, call: LossCall, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any],
        prediction: Tensor, target: Tensor,
    ) -> None:  # fmt: skip
        """Learns how the training computes its loss.

        Only where the loss's input is the network's very output and its target an item of the loader's batch.
        """
        batch = self.session.data.batch
        if self.role is not None or not batch:
            return
        output = self.session.calls.last_output()
        if output is None or output is not prediction:
            return
        for position, item in enumerate(ref() for ref in batch):
            if item is target or (
                isinstance(item, Tensor) and item.device != target.device and item.shape == target.shape and item.dtype == target.dtype
            ):
                rest = {k: v for k, v in kwargs.items() if k not in ("input", "target")}
                self.role = Role(call, original, tuple(args[2:]), rest, position, prediction.dim(), prediction.shape[1:2], target.dtype)
                return

    def repeat(self, module: nn.Module, output: Any) -> None:
        """Repeats the training's loss on an evaluation's output; kept only if the program computes no loss there itself."""
        role, session = self.role, self.session
        prediction = first_tensor(output)
        if role is None or prediction is None or session.data.loader_now() is None:
            return
        if prediction.dim() != role.dimensions or prediction.shape[1:2] != role.width:
            return
        refs = session.data.batch
        target = refs[role.position]() if role.position < len(refs) else None
        if not isinstance(target, Tensor) or target.shape[:1] != prediction.shape[:1] or target.dtype != role.dtype:
            return
        known = role.call
        with torch.no_grad():
            value = role.original(prediction.detach(), target.to(prediction.device), *role.args, **role.kwargs)
            right = accuracy(known.function, prediction.detach(), target.to(prediction.device))
        frames = user_frames(3)
        lines = tuple((f.f_code.co_filename, f.f_lineno) for f in frames)
        call = LossCall(session.losses, known.function, known.arguments, lines)
        call.value = number(value)
        call.accuracy = None if right is None else number(right)
        call.samples = prediction.shape[0]
        call.tick = session.tick
        call.given = known.given
        call.hashes = session.data.take_hashes(keep=True)
        to = session.losses.shadow_pass(call, frames)
        to.shadow = True
        session.losses.add(to, call)
