"""Notice the program's own import of torch.

torch is never imported by us first: a program that sets `OMP_NUM_THREADS` before its `import torch` must find it
respected.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from diagnose.errors import tell

_NAME = "torch"


def when_torch_is_imported(call: Callable[[], None]) -> None:
    """Call back once, right after torch's own code has been executed in this process (at once if it already was).

    An exception of `call` never reaches the program: one line on stderr tells it. In forked children nothing is called.
    """
    if _NAME in sys.modules:
        _attempt(call)
    else:
        sys.meta_path.insert(0, _TorchFinder(call))


class _TorchFinder:
    """Finds only torch, by asking the finders after it, and wraps its loader's `exec_module` on the instance.

    Type, `__loader__` and `__spec__` stay torch's own. The finder stays in place until torch has really been executed:
    an import that fails may be tried again.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._process = os.getpid()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _NAME:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._wrap(spec)
                return spec
        return None

    def _wrap(self, spec: ModuleSpec) -> None:
        loader = spec.loader
        if loader is None or not hasattr(loader, "exec_module"):
            return
        original = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            original(module)
            vars(loader).pop("exec_module", None)
            self._done()

        # python leaves its own import machinery out of tracebacks and warnings by this file name: a torch that fails
        # to load must look as it does without us
        exec_module.__code__ = exec_module.__code__.replace(co_filename="<frozen importlib._bootstrap>")
        try:
            loader.exec_module = exec_module  # type: ignore[method-assign]
        except AttributeError:  # a loader with slots, from an import hook of the program
            tell("torch is loaded by a loader that cannot be watched: nothing is observed")

    def _done(self) -> None:
        if self not in sys.meta_path:
            return
        sys.meta_path.remove(self)
        if os.getpid() == self._process:
            _attempt(self._call)


def _attempt(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 (nothing of ours may break the program)
        tell(f"observing could not begin, the program goes on unobserved ({type(error).__name__}: {error})")
