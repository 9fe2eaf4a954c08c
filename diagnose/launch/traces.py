"""Take our frames out of a traceback that the program's exception leaves with."""

from collections.abc import Iterator
from types import TracebackType

SEAM = "<diagnose "  # how the file names of wrappers around functions of torch begin


def without_ours(error: BaseException, launcher: str) -> TracebackType | None:
    """The traceback as python would have made it.

    Args:
        error: an exception just caught by the launcher. Wrapper frames are taken out of its traceback and out of those
            of its causes, contexts and group members in place.
        launcher: the file whose frames lead to the program's first one.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == launcher:
        trace = trace.tb_next
    for chained in _chain(error):
        _unlink_seams(chained.__traceback__)
    return trace


def _unlink_seams(trace: TracebackType | None) -> None:
    while trace is not None:
        behind = trace.tb_next
        # the last frame stays: what was raised in a wrapper itself is our fault and must be seen
        while behind is not None and behind.tb_next and behind.tb_frame.f_code.co_filename.startswith(SEAM):
            behind = behind.tb_next
        trace.tb_next = behind
        trace = behind


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        members = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        waiting.extend(e for e in (current.__cause__, current.__context__, *members) if isinstance(e, BaseException))
