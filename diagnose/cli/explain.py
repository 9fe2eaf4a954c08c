"""`diagnose explain`: what a trained network looks at."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli import _outputs
from diagnose.cli._explaining import Wish, explaining_options, wish_of
from diagnose.cli._judging import judged, judging_options
from diagnose.errors import RunError, UsageError
from diagnose.finding import Diagnosis, Finding

if TYPE_CHECKING:
    from diagnose.explanation import Explanation


@click.command(short_help="Show what a trained network looks at.")
@click.option("--weights", metavar="FILE", help="Weights for the model file: a state dict (.pt, .pth) or .safetensors.")
@explaining_options
@click.option("--no-samples", is_flag=True, help="Keep no samples of the data in the run.")
@_outputs.output_options
@judging_options
@click.argument("what", required=False, metavar="[model.py | RUN]")
def explain(
    what: str | None,
    weights: str | None,
    method: str | None,
    samples: int | None,
    target: int | None,
    seconds: float | None,
    no_samples: bool,
    output: tuple[str, ...],
    format: str | None,
    fail_on: str | None,
    baseline: str | None,
    sets: tuple[tuple[str, str], ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
) -> None:
    """Show what a trained network looks at, and how far that can be believed.

    A file model.py that defines `model` and `train_data` (or `val_data`) is run, its model given the --weights, and
    explained. Of a RUN, by default the latest, what `diagnose run --explain` has measured is shown. A file of -o that
    ends in .json holds the explanation with its maps; other suffixes hold the diagnosis.
    """
    outputs = _outputs.resolve(output, format)
    file = None if what is None else Path(what)
    if file is not None and file.suffix == ".py":
        wish = wish_of(True, method, samples, target, seconds, keep=not no_samples)
        assert wish is not None
        path: str | None = _measured(file, weights, wish)
    else:
        _measures_nothing(weights=weights, method=method, samples=samples, target=target, seconds=seconds)
        path = what
    diagnosis = judged(path, sets=sets, select=select, ignore=ignore)
    told = _told(diagnosis)
    if baseline:
        from diagnose.cli._baseline import Baseline

        diagnosis = Baseline.read(baseline).without(diagnosis)
    from diagnose.report import attribution

    if outputs or format in (None, "terminal"):
        click.echo(attribution.in_words(told), nl=False)
    elif format == "json":
        click.echo(attribution.render(told), nl=False)
    else:
        _outputs.show(diagnosis, format, sys.stdout)
    others = [one for one in outputs if one.format != "json"]
    written = _outputs.write(diagnosis, others) and _written([o for o in outputs if o.format == "json"], attribution.render(told))
    status = _outputs.exit_status(diagnosis, fail_on) or (0 if written else 1)
    if status:
        raise SystemExit(status)


def _measures_nothing(**given: object) -> None:
    named = [f"--{name}" for name, value in given.items() if value is not None]
    if named:
        raise UsageError(f"expected a model.py with {named[0]}: a run is shown as it was recorded, `diagnose run --explain` measures")


def _measured(file: Path, weights: str | None, wish: Wish) -> str:
    """Explains a model file and records the result as a run of its own; its folder."""
    if not file.is_file():
        raise UsageError(f"expected a model file or a run, found no file {str(file)!r}")
    from diagnose.launch.explained import explain_file

    return explain_file(file, None if weights is None else Path(weights), wish)


def _told(diagnosis: Diagnosis) -> list[tuple[Explanation, Sequence[Finding]]]:
    """Every explanation of the run with the findings on its network."""
    found = [(training.id, one) for training in diagnosis.run.trainings for one in training.explanations]
    if not found:
        raise RunError(
            f"expected an explanation in {diagnosis.run.path!r}, found none; record it with `diagnose run --explain {diagnosis.run.program}`"
        )
    found.sort(key=lambda entry: entry[1].refused is not None)
    mine = [f for f in diagnosis.findings if f.family == "attribution"]
    return [(one, [f for f in mine if f.training == id and _about(f, one.network)]) for id, one in found]


def _about(finding: Finding, network: str) -> bool:
    return any(place == network or place.startswith((f"{network}:", f"{network}.")) for place in finding.places)


def _written(outputs: Sequence[_outputs.Output], text: str) -> bool:
    for output in outputs:
        try:
            output.path.write_text(text, encoding="utf-8")
        except OSError as error:
            click.echo(f"diagnose: could not write {output.path}: {error.strerror or error}", err=True)
            return False
        click.echo(f"wrote: {output.path}", err=True)
    return True
