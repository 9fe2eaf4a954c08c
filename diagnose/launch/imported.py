"""What our own command line imported must not be seen by the program, nor the program's modules by our last words."""

import contextlib
import importlib.machinery
import os
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

_OURS = "diagnose"


def forget(before: Iterable[str], folder: str | None = None) -> None:
    """Take out of `sys.modules` what we imported and the program may own another module of that name for.

    Args:
        before: the names in `sys.modules` when our command began; these stay.
        folder: where the program's own modules lie. A module of the standard library stays, unless this folder has
            one of the same name, which under plain python would have been found first.

    A package with extension modules stays: numpy, for one, refuses to be loaded twice in a process.
    """
    kept = set(before)
    native = {name.partition(".")[0] for name, module in list(sys.modules.items()) if _is_native(module)}
    for name in list(sys.modules):
        top = name.partition(".")[0]
        if name in kept or top == _OURS or top in native or top in sys.builtin_module_names:
            continue
        if top in sys.stdlib_module_names and (folder is None or not _found(top, [folder])):
            continue
        if top != "__main__":
            del sys.modules[name]


@contextlib.contextmanager
def own_modules(own_path: list[str], folder: str | None) -> Iterator[None]:
    """Import as before the program began, for the time when it is over.

    The program may have a `rich.py` or `html.py` of its own beside it: while our report is made, `sys.path` is what it was, and
    modules that came from the program's folder but have a namesake on that path are put aside.
    """
    path, aside = sys.path[:], {}
    sys.path[:] = own_path
    for top in _tops(folder):
        if _found(top, own_path):
            aside.update({n: m for n, m in sys.modules.items() if n == top or n.startswith(top + ".")})
    for name in aside:
        del sys.modules[name]
    try:
        yield
    finally:
        sys.path[:] = path
        sys.modules.update(aside)


def _found(top: str, path: list[str]) -> bool:
    try:
        return importlib.machinery.PathFinder.find_spec(top, path) is not None
    except (ImportError, ValueError, OSError):
        return False


def _tops(folder: str | None) -> set[str]:
    """Names of the top-level modules and packages that were imported from a folder or zip file."""
    if not folder:
        return set()
    inside = os.path.join(folder, "")
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items()) if "." not in name}
    return {
        name
        for name, file in files.items()
        if isinstance(file, str) and file.startswith(inside) and name not in ("__main__", _OURS)
    }


def _is_native(module: ModuleType | None) -> bool:
    loader = getattr(module, "__loader__", None)
    return isinstance(loader, importlib.machinery.ExtensionFileLoader)
