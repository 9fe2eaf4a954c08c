"""Says why a PyTorch network trains badly, and what to change."""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnose.observe.explain.own import explain as explain
    from diagnose.record.reader import load as load

__version__ = "0.1.0"

# Where the public names live. They are imported when first used: `import diagnose` must cost nothing and bring nothing
# (least of all torch) into a program that has not asked for it.
_PUBLIC = {
    "watch": "diagnose.observe",
    "log": "diagnose.observe",
    "explain": "diagnose.observe.explain",
    "load": "diagnose.record.reader",
    "judge": "diagnose.judge",
    "report": "diagnose.report",
}
__all__ = ["__version__", "explain", "judge", "load", "log", "report", "watch"]


class _Package(ModuleType):
    """The package: a submodule that is imported does not take the place of the public function of its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
