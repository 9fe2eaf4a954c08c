"""Become the program."""

import importlib.machinery
import io
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from diagnose.launch.ending import End, Ending, end_of
from diagnose.launch.imported import Imports
from diagnose.launch.target import Target, absolute, folder_of, importer_of
from diagnose.launch.torch_import import when_torch_is_imported
from diagnose.launch.traces import without_ours


def execute(
    target: Target,
    *,
    on_torch: Callable[[], None],
    on_main_end: Callable[[dict[str, Any]], None],
    on_end: Callable[[End], int | None],
) -> None:
    """Run a program in this process, as `__main__`, as if python had been started with it.

    Returns or raises as the program does; the caller lets everything pass to the interpreter. What python
    put first on `sys.path` for the caller's own command is already gone.

    Args:
        target: what to run.
        on_torch: called once, right after the program's import of torch; may fail without harm.
        on_main_end: called with the main module's namespace when it ended with status 0. Still a part of the program:
            what it raises ends the program.
        on_end: called last of all, after tracebacks, late threads and the program's own atexit handlers, never in a
            forked child. A status it returns becomes the exit status if the program's is 0.

    Raises:
        OSError: a script has become unreadable since `check`.
    """
    folder = folder_of(target)
    imports = Imports(folder)
    ending = Ending(on_end, imports)
    start = _become(target, folder)
    namespace = vars(sys.modules["__main__"])

    def observe() -> None:
        with imports.ours():
            on_torch()

    when_torch_is_imported(observe)
    leaving: SystemExit | None = None
    try:
        try:
            start(namespace)
        except SystemExit as exit:
            if end_of(exit).exit_status != 0:
                raise
            leaving = exit  # not raised from here: a failing on_main_end is not "during the handling" of it
        if not ending.in_child:
            on_main_end(namespace)
        if leaving is not None:
            raise leaving
        ending.end = end_of(None)
    except BaseException as error:
        ending.leaves(error, without_ours(error, __file__))
        raise


def _become(target: Target, folder: str | None) -> Callable[[dict[str, Any]], None]:
    """Put a fresh `__main__`, `sys.argv` and `sys.path[0]` in place; return what runs the program in it.

    The module stays in `sys.modules` for good: atexit handlers, late threads and pickles find their classes there.
    """
    ours = sys.modules["__main__"]
    _fresh_main()
    sys.argv[:] = ["-m" if target.kind == "module" else target.name, *target.arguments]
    if folder is not None:
        sys.path.insert(0, folder)
    if target.kind == "module":
        return lambda namespace: _run_module(target.name, alter_argv=True)
    if importer_of(target.name) is not None:
        return lambda namespace: _run_module("__main__", alter_argv=False)
    # after a script, though not after a module, python flushes before threads and atexit handlers go on; it will do so
    # for the `diagnose` script, and does not for `python -m diagnose`
    flush = getattr(ours, "__spec__", None) is not None
    return lambda namespace: _run_script(absolute(target.name), namespace, flush)


def _fresh_main() -> None:
    import builtins

    main = ModuleType("__main__")
    main.__annotations__ = {}
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main


def _run_module(name: str, *, alter_argv: bool) -> None:
    # The very function that `python -m`, and python with a folder or zip file, call: it runs in the `__main__` in
    # place, and its two frames are in python's own tracebacks.
    import runpy

    runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]


def _run_script(filename: str, namespace: dict[str, Any], flush: bool) -> None:
    kind: Any = importlib.machinery.SourceFileLoader
    if filename.endswith(".pyc"):
        kind = importlib.machinery.SourcelessFileLoader
    loader = kind("__main__", filename)
    namespace.update(__loader__=loader, __file__=filename, __cached__=None)
    try:
        exec(loader.get_code("__main__") if filename.endswith(".pyc") else _compiled(filename), namespace)  # noqa: S102
    finally:
        if flush:
            _flush_streams()


def _flush_streams() -> None:
    for name in ("stderr", "stdout"):
        try:
            getattr(sys, name).flush()
        except BaseException:  # noqa: BLE001, S110 (python too drops whatever comes)
            pass


def _compiled(filename: str) -> Any:
    with io.open_code(filename) as file:
        source = file.read()
    try:
        source.decode()
    except UnicodeDecodeError as wrong:
        if not any(b"coding" in line for line in source.splitlines()[:2]):
            raise _not_utf8(source, wrong.start, filename) from None
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _as_from_file(error, source, filename) from None


def _not_utf8(source: bytes, start: int, filename: str) -> SyntaxError:
    """In a file python refuses these bytes anywhere; in a string it overlooks them in comments."""
    line = source.count(b"\n", 0, start) + 1
    return SyntaxError(
        f"Non-UTF-8 code starting with '\\x{source[start]:02x}' in file {filename} "
        f"on line {line}, "
        "but no encoding declared; see https://peps.python.org/pep-0263/ for details"
    )


def _as_from_file(error: SyntaxError, source: bytes, filename: str) -> SyntaxError:
    """Zero bytes and unknown encodings are told by python in other words for a file than for a string."""
    message = str(error.msg)
    if message == "source code string cannot contain null bytes":
        lines = source.partition(b"\0")[0].decode(errors="replace").split("\n")
        return SyntaxError("source code cannot contain null bytes", (filename, len(lines), None, lines[-1] + "\n"))
    if message.startswith("unknown encoding: "):
        return SyntaxError(message.replace("unknown encoding", "encoding problem"))
    return error
