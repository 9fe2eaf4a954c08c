"""Living beside torch's compiler: told when it compiles, and left alone by it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from diagnose.observe.torch_state import busy, in_backward, plain

if TYPE_CHECKING:
    from diagnose.observe.seams import Seams


class Quiet:
    """A listener whose methods dynamo leaves alone."""

    def __init__(self, listener: Any, quiet: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._listener = listener
        self._quiet = quiet

    def __getattr__(self, name: str) -> Any:
        method = self._quiet(getattr(self._listener, name))
        setattr(self, name, method)
        return method


class Dynamo:
    """The compiler as the seams meet it. It is loaded with the program's first optimizer; we never import it."""

    def __init__(self, seams: Seams) -> None:
        self.seams = seams
        self.codes: list[CodeType] = []  # of functions of ours that run in the program's own calls
        self._module: Any = None
        self._callbacks: tuple[Any, Any] | None = None
        self.compiles = False  # the program has compiled something

    def meet(self) -> None:
        """Asks dynamo, where it is loaded, to be told when it compiles, and to leave our functions alone.

        Code that is traced while hooks of ours are on its modules would be compiled again without them.
        """
        dynamo = sys.modules.get("torch._dynamo")
        handler = getattr(getattr(dynamo, "callback", None), "callback_handler", None)
        if dynamo is None or handler is None or not self.seams.installed:  # absent, or still being imported
            return
        if self._callbacks is None:
            self._module = dynamo
            self._callbacks = dynamo.disable(self._compilation_begins), dynamo.disable(self._compilation_ends)
            counters = getattr(getattr(dynamo, "utils", None), "counters", {})
            if counters.get("frames"):  # compiled before we came
                self._be_quiet()
        begins, ends = self._callbacks
        if begins in handler.start_callbacks:  # until the program calls `torch._dynamo.reset()`
            return
        own = [getattr(ours, "__code__", None) for ours in self.seams.functions()]
        for code in (*own, *self.codes, in_backward.__code__, plain.__code__, busy.__code__):
            if code is not None:
                dynamo.eval_frame.skip_code(code)
        handler.register_start_callback(begins)
        handler.register_end_callback(ends)

    def leave(self) -> None:
        """Takes our callbacks away."""
        if self._callbacks is not None:
            handler = self._module.callback.callback_handler
            for callbacks, ours in zip((handler.start_callbacks, handler.end_callbacks), self._callbacks, strict=True):
                if ours in callbacks:
                    callbacks.remove(ours)
        self._module, self._callbacks, self.compiles = None, None, False

    def quiet(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of ours as it may be called where a program compiles: dynamo does not try to compile it as well."""
        quiet: Callable[..., Any] = self._module.disable(function) if self.compiles else function
        return quiet

    def _compilation_begins(self, _: Any) -> None:
        seams = self.seams
        if not seams.suspensions:
            self._be_quiet()
            seams.listener.compiling()
        seams.suspensions += 1

    def _compilation_ends(self, _: Any) -> None:
        seams = self.seams
        seams.suspensions -= 1
        if seams.installed and not seams.suspensions:
            seams.listener.hook_again()

    def _be_quiet(self) -> None:
        """From now on the program's calls may pass dynamo on their way to us."""
        self.compiles = True
        if not isinstance(self.seams.listener, Quiet):
            self.seams.listener = Quiet(self.seams.listener, self.quiet)
