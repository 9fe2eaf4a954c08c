"""Attribution: a measurement like any other, taken while the model is alive. Captum does the work."""

from typing import Any

__all__ = ["explain"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: nothing of this lies on the path of a plain run.
    if name == "explain":
        from diagnose.observe.explain.own import explain

        return explain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
