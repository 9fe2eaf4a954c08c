"""The options of explaining that `run` and `explain` share, and where `run` meets the measurement. Brings no torch by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from diagnose.errors import tell

SAMPLES = 4  # the worst, the best and two ordinary ones
SECONDS = 30.0  # of processor time for each network
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Wish:
    """What is to be explained."""

    method: str | None = None
    samples: int = SAMPLES
    target: int | None = None
    keep: bool = True  # the samples themselves in the run
    seconds: float = SECONDS  # of processor time for each network


def explaining_options(command: Command) -> Command:
    """Adds --method, --samples, --target and --seconds to a click command."""
    for option in (
        click.option("--seconds", type=click.FloatRange(min=1), metavar="N",
                     help=f"Explain a network within N seconds of processor time, and leave out what does not fit ({SECONDS:g})."),
        click.option("--target", type=click.IntRange(min=0), metavar="N",
                     help="Explain output N; by default the predicted class, or the one output."),
        click.option("--samples", type=click.IntRange(min=1, max=64), metavar="N",
                     help=f"Explain N samples: the worst, the best, and ordinary ones between ({SAMPLES})."),
        click.option("--method", metavar="METHOD", help="Explain by this method alone, such as integrated-gradients."),
    ):  # fmt: skip
        command = option(command)
    return command


def wish_of(
    explain: bool, method: str | None, samples: int | None, target: int | None, seconds: float | None, *, keep: bool
) -> Wish | None:
    """What was asked for; None where nothing was.

    Raises:
        UsageError: there is no such method, or it was named without --explain.
    """
    if not explain:
        named = (("--method", method), ("--samples", samples), ("--target", target), ("--seconds", seconds))
        given = [name for name, value in named if value is not None]
        if given:
            raise click.UsageError(f"expected --explain beside {given[0]}: nothing is explained without it")
        return None
    if method is not None and method not in METHODS:
        raise click.UsageError(f"expected --method to be one of {', '.join(METHODS)}, found {method!r}")
    return Wish(method, samples or SAMPLES, target, keep, seconds or SECONDS)


METHODS = (
    "integrated-gradients", "occlusion", "grad-cam", "feature-ablation", "shapley-sampling", "deep-lift", "input-x-gradient",
    "saliency",
)  # fmt: skip


def keeping(session: Any) -> None:
    """A session begins to keep samples."""
    from diagnose.observe.explain.kept import Keeper

    session.keeper = Keeper(session)


def measured(session: Any, wish: Wish) -> None:
    """The program has ended well: its networks are explained, and the run holds the result. Nothing here ends the run."""
    from diagnose.errors import DiagnoseError
    from diagnose.observe.explain.ending import explain_kept

    try:
        explain_kept(session.keeper, session.writer, wish, tell)
    except DiagnoseError as error:
        tell(str(error))
    except Exception as error:  # noqa: BLE001 the verdict on the training must be told all the same
        tell(f"nothing is explained: {type(error).__name__}: {error}")
