"""`diagnose run`: run a training program and say what is wrong with the training."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from diagnose import launch, settings
from diagnose.cli import STARTED_WITH
from diagnose.cli._baseline import Baseline
from diagnose.cli._explaining import Wish, explaining_options, wish_of
from diagnose.cli._judging import judging_options
from diagnose.cli._outputs import Output, resolve
from diagnose.cli._until_program import UntilProgram
from diagnose.errors import tell
from diagnose.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What `diagnose run` was asked to do.

    Args:
        target: the program and its arguments.
        outputs: files to write at the end, absolute (the program may change the current folder).
        format: overrides the suffix of a single output.
        every: record every so many steps; None lets the budget decide.
        fail_on: severity of a finding that makes a successful program end with status 3.
        rules: the settings of the rules.
        baseline: findings that are known already.
        explain: what is to be explained at the end, None for nothing.
        train, source, samples: False if the user forbade to train a model file, or to keep code or data in the run.
    """

    target: launch.Target
    outputs: tuple[Output, ...] = ()
    format: str | None = None
    quiet: bool = False
    every: int | None = None
    train: bool = True
    fail_on: Literal["error", "warning"] | None = None
    source: bool = True
    samples: bool = True
    explain: Wish | None = None
    rules: Settings = field(default_factory=Settings)
    baseline: Baseline | None = None
    strict: bool = False


@click.command(
    cls=UntilProgram,
    short_help="Run a training program and say what is wrong with it.",
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS]",
    epilog="Everything after the program belongs to the program. Under torchrun: torchrun ... -m diagnose run train.py",
)
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Write a report; its suffix says the format. Repeatable.",
)
@click.option("--format", "format_", metavar="FORMAT", help="The format of a single -o, whatever its suffix.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing of our own except errors.")
@click.option(
    "--every", type=click.IntRange(min=1), metavar="N", help="Record every N steps instead of within the time budget."
)
@click.option("--no-train", is_flag=True, help="Do not train a file that only defines a model and its data.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), help="End with status 3 if there is such a finding."
)
@click.option("--baseline", metavar="FILE", help="Set aside what a JSON written earlier has found: only new findings count.")
@click.option("--no-source", is_flag=True, help="Keep no lines of the program in the run.")
@click.option("--no-samples", is_flag=True, help="Keep no samples of the data in the run.")
@click.option("--explain", is_flag=True, help="When the program has ended well, measure what its network looks at.")
@explaining_options
@judging_options
@click.option("--strict", is_flag=True, help="Let an error in a probe of ours end the program.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="(SCRIPT | FOLDER | ZIP | -m MODULE) [ARGS]...")
def run(
    module: str | None,
    outputs: tuple[str, ...],
    format_: str | None,
    no_train: bool,
    no_source: bool,
    no_samples: bool,
    explain: bool,
    method: str | None,
    samples: int | None,
    target: int | None,
    seconds: float | None,
    program: tuple[str, ...],
    sets: tuple[tuple[str, str], ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    baseline: str | None,
    **options: Any,
) -> Callable[[], None]:
    """Run a training program, unchanged, and say what is wrong with its training.

    The program behaves as under plain python: its output, its exit status, its child processes. Whatever we
    have to say goes to stderr.
    """
    wish = wish_of(explain, method, samples, target, seconds, keep=not no_samples)
    aim = _target(module, program)
    # whatever can be refused is refused here, as one line: once `go` has begun, exceptions are the program's own
    if format_ and len(outputs) != 1:
        raise click.UsageError(f"--format needs exactly one -o, got {len(outputs)}")
    launch.check(aim)
    folder = launch.folder_of(aim)
    plan = Plan(
        target=aim,
        outputs=resolve(outputs, format_),
        format=format_,
        train=not no_train,
        source=not no_source,
        samples=not no_samples,
        explain=wish,
        rules=settings.read(Path(folder or "."), sets=sets, select=select, ignore=ignore),
        baseline=Baseline.read(baseline) if baseline else None,
        **options,
    )
    return partial(go, plan)


def go(plan: Plan) -> None:
    """Run the program; what we do at its import of torch, at the end of its main module and after it, is wired here."""
    from diagnose.cli._recording import begin

    advice = launch.advice(plan.target)
    if advice:
        tell(advice)
    recording = begin(
        plan.target, root=_current_folder(), settings=plan.rules, outputs=plan.outputs, format=plan.format,
        quiet=plan.quiet, fail_on=plan.fail_on, every=plan.every, train=plan.train, strict=plan.strict, source=plan.source,
        baseline=plan.baseline, explain=plan.explain,
    )  # fmt: skip
    launch.forget(STARTED_WITH, launch.folder_of(plan.target))
    launch.execute(
        plan.target, on_torch=recording.torch_came, on_main_end=recording.main_ended, on_end=recording.ended
    )


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted: the program can still run, though nothing can be kept of it
        return Path()


def _target(module: str | None, program: tuple[str, ...]) -> launch.Target:
    if module is not None:
        return launch.Target("module", module, program)
    if not program:
        raise click.UsageError("expected a program to run: a script, a folder, a zip file, or -m MODULE")
    if program[0] == "-":
        raise click.UsageError(
            "expected a program to run, got '-': a program on stdin cannot be run, save it to a file"
        )
    return launch.Target("path", program[0], program[1:])

