"""The `diagnose` command. Each command is one file in this folder, found by its name: nothing else needs to know of it.

A file `report.py` holds one click command called `report`. What it has to do it does in its callback, and returns
nothing; errors are raised as `DiagnoseError` (one line on stderr and its status). `run` alone returns an action: a
program must not be run inside a command line parser: click turns Ctrl-C and EOFError into "Aborted!" and leaks its
context into programs that use click themselves.
"""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

# What python itself has imported: all that comes later, up to the start of a program, is our doing (`launch.forget`).
STARTED_WITH = frozenset(sys.modules)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says.

    Args:
        arguments: those after `diagnose`; None takes them from `sys.argv` and treats this process as ours alone.

    Raises:
        SystemExit: with status 1 after a one-line error of ours, 2 after a usage error, else as the command ended.
    """
    if arguments is None:
        # Python put a folder in front for our own command: `bin` for the `diagnose` script, the current one for
        # `python -m diagnose`. Neither would be there under `python program.py`. Nothing may be imported through it,
        # not even dataclasses.
        if not sys.flags.safe_path:
            del sys.path[0]
        arguments = sys.argv[1:]
    action = _parsed(list(arguments))
    if action is not None:
        action()  # outside of every `try`: what comes from here is the program's own


def _parsed(arguments: list[str]) -> Callable[[], None] | None:
    import click

    from diagnose.cli._group import commands
    from diagnose.errors import DiagnoseError

    try:
        result = commands.main(arguments, prog_name="diagnose", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        raise SystemExit(2) from None
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except click.Abort:
        raise SystemExit(130) from None
    except DiagnoseError as error:
        _fail(str(error), error.status)
    except BrokenPipeError:  # `diagnose show | head`
        sys.stdout = None
        raise SystemExit(1) from None
    if callable(result):
        return result  # type: ignore[no-any-return]
    if result:  # the status of `ctx.exit(status)`
        raise SystemExit(result)
    return None


def _fail(message: str, status: int) -> NoReturn:
    from diagnose.errors import tell

    tell(message)
    raise SystemExit(status) from None
