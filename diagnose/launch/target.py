"""What is to be run: a file, a folder, a zip file, or a module."""

import io
import os
import shlex
import sys
from dataclasses import dataclass
from typing import Literal

from diagnose.errors import UsageError

# Programs that only start the training, in processes of their own: told by module, and by the name of their command.
_LAUNCHERS = {
    "torch.distributed.run": "torchrun",
    "torch.distributed.launch": "torchrun",
    "accelerate": "accelerate launch",
    "accelerate.commands.launch": "accelerate launch",
    "accelerate.commands.accelerate_cli": "accelerate launch",
    "deepspeed": "deepspeed",
    "deepspeed.launcher.runner": "deepspeed",
}
_COMMANDS = {"torchrun": "torchrun", "accelerate": "accelerate launch", "deepspeed": "deepspeed"}
# `accelerate` and `deepspeed` run a module only when told so by this option of theirs, before `-m`'s place.
_MODULE_OPTION = {"torchrun": "-m", "accelerate launch": "-m", "deepspeed": "--module"}


@dataclass(frozen=True)
class Target:
    """A program and its arguments, as they were typed.

    Args:
        kind: "path" for a script, a folder or zip file with a `__main__.py`; "module" for what follows `-m`.
        name: the path or the module's dotted name.
        arguments: everything after it; never looked at by us.
    """

    kind: Literal["path", "module"]
    name: str
    arguments: tuple[str, ...] = ()


def check(target: Target) -> None:
    """Refuse a file that cannot be opened, in python's words and with its exit status 2.

    What else can be wrong with a target (a module that is not there, a folder without `__main__.py`, a syntax error)
    python itself finds out while it starts the program, and says so.

    Raises:
        UsageError: the file is missing or not readable.
    """
    if target.kind == "module" or importer_of(target.name) is not None:
        return
    try:
        io.open_code(absolute(target.name)).close()
    except OSError as error:
        hint = advice(target)
        raise UsageError(
            f"can't open file {absolute(target.name)!r}: [Errno {error.errno}] {error.strerror}"
            + (f" ({hint})" if hint else "")
        ) from error


def advice(target: Target) -> str | None:
    """One line for a target that starts the training in other processes, where nothing of it can be seen; else None."""
    command = _command(target)
    if command is None:
        return None
    options, program = _split(target.arguments)
    if command == "accelerate launch" and options[:1] == ["launch"]:
        options = options[1:]
    words = [*command.split(), *options, _MODULE_OPTION[command], "diagnose", "run", *program]
    typed = " ".join(word if word == "[options]" else shlex.quote(word) for word in words)
    name = command.split()[0]
    return f"{name} trains in child processes, which are not observed from here; put diagnose inside: {typed}"


def folder_of(target: Target) -> str | None:
    """What the program finds as `sys.path[0]`; None where python puts nothing there (`-P`, `-I`, `PYTHONSAFEPATH`).

    A script's folder with links followed; the folder or zip file itself; the current folder for a module.
    """
    if target.kind == "path" and importer_of(target.name) is not None:
        return absolute(target.name)
    if sys.flags.safe_path:
        return None
    return absolute("")[:-1] if target.kind == "module" else os.path.dirname(os.path.realpath(target.name))


def absolute(path: str) -> str:
    """Make a path absolute the way python does for `__file__`: links not followed, nothing normalised."""
    try:
        return os.path.join(os.getcwd(), path)
    except OSError:  # the current folder was deleted
        return path


def importer_of(path: str) -> object | None:
    """The finder that takes modules from a folder or zip file; None for any other file.

    As python itself decides whether a path is a script (`PyImport_GetImporter`).
    """
    for hook in sys.path_hooks:
        try:
            finder: object = hook(path)
            return finder
        except ImportError:
            continue
    return None


def _command(target: Target) -> str | None:
    if target.kind == "module":
        return _LAUNCHERS.get(target.name.removesuffix(".__main__"))
    return _COMMANDS.get(os.path.basename(target.name))


def _split(arguments: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Divide a launcher's arguments into its own and the training program with its arguments."""
    for place, word in enumerate(arguments):
        if word in ("-m", "--module"):
            return list(arguments[:place]), ["-m", *arguments[place + 1 :]]
        if word.endswith(".py"):
            return list(arguments[:place]), list(arguments[place:])
    return ["[options]"], ["train.py"]
