"""Where in the user's program something happens: its frames, their lines, and the names it gives to things."""

from __future__ import annotations

import inspect
import site
import sys
import sysconfig
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch

OWN = str(Path(__file__).resolve().parents[1])
_LIBRARIES = tuple(
    dict.fromkeys(
        p
        for p in (
            str(Path(torch.__file__).parent),
            OWN,
            sysconfig.get_paths()["stdlib"],
            sysconfig.get_paths()["purelib"],
            sysconfig.get_paths()["platlib"],
            site.getusersitepackages(),
        )
        if p
    )
)
_BETWEEN = (OWN, "<diagnose", str(Path(torch.__file__).parent / "_dynamo"))
_OWN_REFERENCES = 3  # to the variables of a frame: the frame's, `live`, and that of who counts
_known: dict[str, bool] = {}


def is_user_file(filename: str) -> bool:
    """Whether a code object's file is the user's own rather than a library's or ours."""
    known = _known.get(filename)
    if known is None:  # asked several times a step
        known = not filename.startswith("<") and not filename.startswith(_LIBRARIES)
        known = known or filename.startswith(("<ipython", "<stdin"))
        _known[filename] = known
    return known


def calling() -> FrameType | None:
    """The frame that called a function of torch which ours stands in for: the user's own, or that of one of torch's modules.

    To be called by what the stand-in calls. Between the two lies dynamo, once the program has compiled something.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame = frame.f_back
    return frame


def user_frames(most: int = 3, depth: int = 60) -> list[FrameType]:
    """The nearest frames of the user's program, innermost first."""
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and depth:
        if is_user_file(frame.f_code.co_filename):
            found.append(frame)
            if len(found) == most:
                break
        frame = frame.f_back
        depth -= 1
    return found


def where() -> tuple[str, int] | None:
    """File and line of the nearest frame of the user's program."""
    frame: FrameType | None = sys._getframe(1)
    depth = 60
    while frame is not None and depth:
        if is_user_file(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
        depth -= 1
    return None


COLUMNS = 4096  # that are kept
_columns: dict[tuple[int, int], tuple[CodeType, int | None]] = {}  # by the code's id and the instruction; the code stays alive


def column(frame: FrameType) -> int | None:
    """The column of the call that a frame is in, as far as Python keeps it; instructions are no measure, for they are specialised."""
    key = id(frame.f_code), frame.f_lasti
    known = _columns.get(key)
    if known is None:
        if len(_columns) >= COLUMNS:  # a program that makes code as it runs
            _columns.clear()
        position = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
        known = _columns[key] = frame.f_code, position[2]
    return known[1]


def as_source(place: tuple[str, int] | None) -> dict[str, Any] | None:
    """A source line as it is recorded."""
    return None if place is None else {"file": place[0], "line": place[1]}


def locals_of(frame: FrameType) -> dict[str, Any]:
    """A copy of a frame's variables that leaves nothing behind in the frame.

    Before Python 3.13 `f_locals` stays in the frame of a function and would keep tensors alive that the program deletes later.
    Of a class body, or of what `exec` runs, it is the variables themselves; and it is what the program was given if it has
    called `locals()`, and kept that.
    """
    live = frame.f_locals
    copied = dict(live)
    function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    if function and sys.version_info < (3, 13) and sys.getrefcount(live) <= _OWN_REFERENCES:
        live.clear()
    return copied


def name_of(thing: object, frames: list[FrameType]) -> str | None:
    """The name the program has for an object: a variable of its frames or of `__main__`, or an attribute of `self`."""
    for frame in frames:
        variables = locals_of(frame)
        for name, value in variables.items():
            if value is thing and name != "self" and not name.startswith("__"):
                return name
        own = variables.get("self")
        if own is not None and not isinstance(own, torch.optim.Optimizer):
            for name, value in getattr(own, "__dict__", {}).items():
                if value is thing and not name.startswith("_"):
                    return str(name)
    for name, value in list(vars(sys.modules.get("__main__", sys)).items()):
        if value is thing and not name.startswith("__"):
            return name
    return None
