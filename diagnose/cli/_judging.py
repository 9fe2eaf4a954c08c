"""The options that every command that judges shares: --set, --select, --ignore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from diagnose import settings

if TYPE_CHECKING:
    from diagnose.finding import Diagnosis

Command = TypeVar("Command", bound=Callable[..., Any])


def judging_options(command: Command) -> Command:
    """Adds --set, --select and --ignore, as `sets`, `select` and `ignore`, to a click command."""
    for option in (
        click.option("--ignore", multiple=True, metavar="NAMES",
                     help="Leave out rules, families, or rule:layer.path. May be repeated."),
        click.option("--select", multiple=True, metavar="NAMES",
                     help="Judge by these rules or families only. May be repeated."),
        click.option("--set", "sets", multiple=True, metavar="RULE.NAME=VALUE", callback=_pairs,
                     help="Change a threshold. May be repeated."),
    ):  # fmt: skip
        command = option(command)
    return command


def judged(
    path: str | None,
    *,
    sets: Sequence[tuple[str, str]] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Diagnosis:
    """A recorded run under the settings of its project, those it was recorded with, and the command line's.

    Args:
        path: a run's folder, or None for the latest run in the current folder.

    Raises:
        RunError: there is no such run.
        UsageError: there are no such settings.
    """
    from diagnose.judge import judge
    from diagnose.record.reader import load

    settings.read(None, sets=sets, select=select, ignore=ignore)  # a mistyped option is told before a missing run
    run = load(path)
    folder = _program_folder(run.program, run.facts.get("cwd"))
    kept = run.facts.get("settings")
    return judge(run, settings=settings.read(folder, sets=sets, select=select, ignore=ignore, kept=kept))


def _program_folder(program: str, cwd: object) -> Path | None:
    """Where the program's pyproject.toml is looked for: its folder, or the folder a module was started in."""
    if not isinstance(cwd, str):
        return None
    place = Path(cwd, program)
    if place.is_file():
        return place.resolve().parent
    return next((folder for folder in (place, Path(cwd)) if folder.is_dir()), None)


def _pairs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in values:
        name, equals, value = text.partition("=")
        if not (equals and value and all(name.partition("."))):
            raise click.BadParameter(f"expected rule.name=value, such as dead-units.share=0.5, found {text!r}")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)
