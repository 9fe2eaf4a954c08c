"""What we import must not be seen by the program, nor the program's modules by us.

The program's folder may hold a `rich.py`, a `statistics.py`, a `click.py`. The program must find them, and we must not.
"""

import contextlib
import importlib.machinery
import os
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

_OURS = "diagnose"


def forget(before: Iterable[str], folder: str | None = None) -> None:
    """Take out of `sys.modules` what we imported and the program may own another module of that name for.

    To be called right before the program starts: what is not of the standard library was imported for us alone.

    Args:
        before: the names in `sys.modules` when our command began; these stay.
        folder: where the program's own modules lie. A module of the standard library stays, unless this folder has
            one of the same name, which under plain python would have been found first.

    A package with extension modules stays: numpy, for one, refuses to be loaded twice in a process.
    """
    for name in _added(before):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names or _found(top, folder):
            del sys.modules[name]


class Imports:
    """Remembers how imports work before the program changes that.

    Args:
        folder: where the program's own modules lie.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._path = sys.path[:]
        self._finders = sys.meta_path[:]

    @contextlib.contextmanager
    def ours(self) -> Iterator[None]:
        """Import as before the program began, and leave nothing that hides a module of the program afterwards.

        `sys.path` and `sys.meta_path` are for a moment what they were; modules that came from the program's folder
        but have a namesake on that path are put aside.
        """
        path, finders, before = sys.path[:], sys.meta_path[:], set(sys.modules)
        sys.path[:], sys.meta_path[:] = self._path, self._finders
        hidden = {top for top in self._tops() - _only_once() if _found(top, *self._path)}
        aside = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in hidden}
        for name in aside:
            del sys.modules[name]
        try:
            yield
        finally:
            # what was imported meanwhile may have added finders
            sys.meta_path[:] = finders + [f for f in sys.meta_path if f not in finders and f not in self._finders]
            sys.path[:] = path
            for name in _added(before):
                if _found(name.partition(".")[0], self._folder):
                    del sys.modules[name]
            sys.modules.update(aside)

    def _tops(self) -> set[str]:
        """Names of the top-level modules and packages that were imported from the program's folder."""
        if not self._folder:
            return set()
        inside = os.path.join(self._folder, "")
        files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
        return {
            name
            for name, file in files.items()
            if "." not in name and name not in ("__main__", _OURS) and isinstance(file, str) and file.startswith(inside)
        }


def _added(before: Iterable[str]) -> list[str]:
    """Modules imported since, without our own and without packages that cannot be loaded a second time."""
    kept = {*before, "__main__"}
    safe = {*_only_once(), *sys.builtin_module_names, _OURS}
    return [name for name in list(sys.modules) if name not in kept and name.partition(".")[0] not in safe]


def _only_once() -> set[str]:
    """Packages of which there can be one in a process: those with extension modules, and the torch that is observed."""
    return {name.partition(".")[0] for name, module in list(sys.modules.items()) if _is_native(module)} | {"torch"}


def _found(top: str, *path: str | None) -> bool:
    try:
        return importlib.machinery.PathFinder.find_spec(top, [entry for entry in path if entry is not None]) is not None
    except (ImportError, ValueError, OSError):
        return False


def _is_native(module: ModuleType | None) -> bool:
    return isinstance(getattr(module, "__loader__", None), importlib.machinery.ExtensionFileLoader)
