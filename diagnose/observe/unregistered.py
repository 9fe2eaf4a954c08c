"""Dropout modules that a network calls but does not hold: in a plain list, or made anew at each call. Its `eval()` reaches none."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import torch
from torch import nn

from diagnose.observe.description import standing_in
from diagnose.observe.networks import settings_of
from diagnose.observe.sources import as_source, is_user_file, locals_of
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session

_TORCH = str(Path(torch.__file__).parent)
_LAST = 1_000_000  # position among the layers: behind those that are known to have run, and where


class Unregistered:
    """Hears them drop where no gradients are wanted: `dropped` are those that did since a network was called last."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.dropped: list[str] = []
        self._paths: weakref.WeakKeyDictionary[nn.Module, str | None] = weakref.WeakKeyDictionary()

    def drops(self, frame: FrameType) -> None:
        """A module of torch's calls a function that drops; `frame` is the module's forward."""
        module = locals_of(frame).get("self")
        if not isinstance(module, nn.modules.dropout._DropoutNd) or not module.p > 0:
            return
        if module not in self._paths:
            self._paths[module] = self._describe(module, frame)
        path = self._paths[module]
        if path is not None and path not in self.dropped:
            self.dropped.append(path)

    def _describe(self, module: nn.Module, frame: FrameType) -> str | None:
        """Writes it down as a layer of the network whose forward called it; None where it is one of a network's own modules,
        or some other module's."""
        streams = self.session.live_streams()
        if any(own is module for stream in streams for _, own in stream.modules()):
            return None
        found = _caller(frame, streams)
        if found is None:
            return None
        stream, owner, line = found
        path = standing_in(stream, module) or f"{owner}/dropout"
        network = next(n.name for n in stream.networks if n.name == owner or owner.startswith(f"{n.name}."))
        self.session.writer.items(stream.index, "layer", [{
            "path": path, "type": type(module).__name__, "role": "dropout", "functional": True, "parameters": [],
            "settings": {**settings_of(module), "registered": False}, "network": network, "source": as_source(line),
            "position": _LAST,
        }])  # fmt: skip
        return path


def _caller(frame: FrameType, streams: list[Stream]) -> tuple[Stream, str, tuple[str, int]] | None:
    """The stream and path of the network's module in whose forward a module of torch's is called, and the line there.

    Between the two lie torch's files and the user's own modules without weights: what another library calls is its own affair.
    """
    above, line = frame.f_back, None
    while above is not None:
        file = above.f_code.co_filename
        if is_user_file(file):
            line = line or (file, above.f_lineno)
        elif not file.startswith(_TORCH):
            return None
        owner = locals_of(above).get("self")
        if isinstance(owner, nn.Module):
            for stream in streams:
                path = next((path for path, own in stream.modules() if own is owner), None)
                if path is not None and line is not None:
                    return stream, path, line
            if next(owner.parameters(), None) is not None:
                return None  # another network, whose mode is its own affair: a teacher
        above = above.f_back
    return None
