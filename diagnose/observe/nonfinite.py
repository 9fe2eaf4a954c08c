"""Where NaN or infinity first came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from diagnose.observe import graph
from diagnose.observe.shards import local, spread

if TYPE_CHECKING:
    from diagnose.observe.session import Session


def bad(tensor: object) -> str | None:
    """ "nan" or "inf" when a tensor holds such a value. Waits for the device: only called when something is wrong already."""
    held = local(tensor) if isinstance(tensor, Tensor) and spread(tensor) else tensor
    if not isinstance(held, Tensor) or not held.is_floating_point() or held.numel() == 0:
        return None
    values = held.detach()
    if bool(torch.isnan(values).any()):
        return "nan"
    return "inf" if bool(torch.isinf(values).any()) else None


class NonFinite:
    """Looks once, when the first loss that is no number is about to be used: the step's graph is still at hand."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.found = False
        self.gradient_found = False

    def loss(self, roots: list[Tensor]) -> None:
        """The loss is NaN or infinite: input, parameter, or the first operation with a non-finite output."""
        if self.found:
            return
        self.found = True
        session = self.session
        session.schedule.hurry(session.tick)
        value = bad(roots[0]) or "nan"
        given = session.calls.last_input()
        if spread(given):
            given = local(given)
        kind = bad(given)
        if given is not None and kind is not None:
            network = session.calls.network_name(session.calls.taker())
            share = float((~torch.isfinite(given)).float().mean())
            self._event("input", f"{network}:0" if network else "input", kind, share=share)
            return
        for stream in session.live_streams():
            for parameter in stream.parameters():
                kind = bad(parameter)
                if kind is not None:
                    self._event("parameter", stream.path(parameter), kind)
                    return
        what, place, operation, kind = self._origin(roots)
        self._event(what, place, kind or value, operation=operation)

    def gradients(self, paths: Sequence[str], norms: Sequence[float]) -> None:
        """Norms of a snapshot: the last path in forward order with a non-finite one is where it came in."""
        if self.found or self.gradient_found or math.isfinite(sum(norms)):
            return
        for path, norm in zip(reversed(paths), reversed(norms), strict=True):
            if not math.isfinite(norm) and not (self.session.row.scale is not None):
                self.gradient_found = True
                self.session.schedule.hurry(self.session.tick)
                self._event("gradient", path, "nan" if math.isnan(norm) else "inf")
                return

    def _event(self, what: str, place: str | None, value: str, **details: Any) -> None:
        session = self.session
        stream = next(reversed(session.live_streams()), None)
        kept = {k: v for k, v in details.items() if v is not None}
        session.writer.event(
            session.tick, None if stream is None else stream.index, "non-finite", place, what=what, value=value, first=True, **kept
        )

    def _origin(self, roots: list[Tensor]) -> tuple[str, str | None, str | None, str | None]:
        """What held the first non-finite number that an operation saved, in forward order: (what, place, operation, value).

        An operand that nothing with a gradient has made is the program's data.
        """
        if self.session.snapshot.saved_hooks:  # reading saved tensors would run the program's forward again
            return "loss", None, None, None
        nodes = sorted(graph.walk([root.grad_fn for root in roots]), key=graph.order)
        for node in nodes:
            for name in ("_saved_result", "_saved_self", "_saved_input", "_saved_other", "_saved_mat1", "_saved_out"):
                try:
                    saved = getattr(node, name, None)
                except RuntimeError:  # freed
                    continue
                kind = bad(saved)
                if kind is None:
                    continue
                if kind == "nan" and _given(node, name):
                    return "input", "input", graph.operation(node), kind
                made = node if name in ("_saved_result", "_saved_out") else _maker(node, name)
                place = self._layer(made)
                return "output" if place else "loss", place, graph.operation(made), kind
        return "loss", None, None, None

    def _layer(self, node: Any) -> str | None:
        """The layer whose parameter lies nearest before a node."""
        for above in graph.walk([node], most=500) or []:
            if hasattr(above, "variable"):
                for stream in self.session.live_streams():
                    path = stream.paths.get(id(above.variable))
                    if path is not None:
                        return str(path).rsplit(".", 1)[0]
        return None


def _given(node: Any, saved: str) -> bool:
    """Whether an operand that was saved is data: an operation of two has no way back to it."""
    index = {"_saved_self": 0, "_saved_other": 1, "_saved_mat1": 1}.get(saved)
    behind = [parent for parent, _ in node.next_functions]
    return index is not None and len(behind) > max(index, 1) and behind[index] is None


def _maker(node: Any, saved: str) -> Any:
    """The node that made an input which another one saved; that one itself where the input is a leaf."""
    above = node.next_functions[1][0] if saved == "_saved_other" and len(node.next_functions) > 1 else graph.main_input(node)
    return node if above is None or hasattr(above, "variable") else above
