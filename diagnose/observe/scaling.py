"""What a program does to its gradients between backward and step: clipping, and the scaling of mixed precision."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diagnose.observe.shards import local
from diagnose.observe.sources import where
from diagnose.observe.torch_state import plain
from diagnose.observe.transfer import number

if TYPE_CHECKING:
    from diagnose.observe.session import Session


class Scaling:
    """Listens to `clip_grad_norm_`, `clip_grad_value_` and `GradScaler`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def clipped(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        """Gradients were clipped."""
        if self.session.asleep():
            return
        with self.session.guard("clip"):
            limit = args[1] if len(args) > 1 else kwargs.get("max_norm", kwargs.get("clip_value"))
            limit = float(limit) if isinstance(limit, (int, float)) else math.nan
            held = local(result) if isinstance(result, Tensor) else None
            norm = number(held) if held is not None and plain(held) else math.nan
            self.session.row.clipped(norm, limit, by_value=name == "clip_grad_value_", line=where())
            if self.session.row.scale is not None and not self.session.row.unscaled:
                scale = self.session.row.scale if isinstance(self.session.row.scale, float) else None
                self.session.writer.event(self.session.tick, None, "clipped-while-scaled", None, scale=scale)

    def scaled(self, scaler: Any, args: Any, result: Any) -> None:
        """A gradient scaler has scaled a loss."""
        if self.session.asleep():
            return
        with self.session.guard("scaler"):
            scale = getattr(scaler, "_scale", None)
            if not scaler.is_enabled() or not isinstance(scale, Tensor):
                return
            self.session.row.scale = scale.detach() if scale.device.type != "cpu" else float(scale.numpy())
            self.session.row.scale_tensor = scale
            self.session.row.unscaled = False
            if args and isinstance(args[0], Tensor) and isinstance(result, Tensor):
                self.session.row.scaled = (weakref.ref(result), number(args[0]))

    def scaler_called(self, name: str, scaler: Any) -> None:
        """A gradient scaler is about to unscale or to step."""
        if self.session.asleep():
            return
        with self.session.guard("scaler"):
            if name == "unscale_":
                self.session.row.unscaled = True
            elif name == "step":
                self.session.row.stepped = self.session.tick

    def scaler_stepped(self, scaler: Any, args: Any) -> None:
        """`GradScaler.step` has returned: without a tick it has skipped the optimizer."""
        if self.session.asleep() or not args:
            return
        with self.session.guard("scaler"):
            stream = self.session.stream_of(args[0])
            if stream is not None and self.session.row.stepped == self.session.tick and scaler.is_enabled():
                self.session.losses.settle()
                self.session.steps.forget(stream)
                self.session.row.restart()
                self.session.row.skipped = True
                scale = self.session.row.scale if isinstance(self.session.row.scale, float) else None
                self.session.writer.event(self.session.tick, stream.index, "scaler-skip", None, scale=scale)
