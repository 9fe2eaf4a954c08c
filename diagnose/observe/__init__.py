"""Attach to live training: cheap, complete, harmless."""

from typing import Any

__all__ = ["log", "watch"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: the package alone must not bring torch into a program.
    if name == "watch":
        from diagnose.observe.watching import watch

        return watch
    if name == "log":
        import sys

        if "torch" not in sys.modules and "diagnose.observe.watching" not in sys.modules:
            return _nothing
        from diagnose.observe.watching import log

        return log
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _nothing(**values: Any) -> None:
    """Where torch was never imported nothing is watched."""
