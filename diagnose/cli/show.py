"""`diagnose show`: the diagnosis of a recorded run."""

from __future__ import annotations

import sys

import click

from diagnose.cli import _outputs
from diagnose.cli._baseline import read_baseline, without
from diagnose.cli._judging import judged, judging_options


@click.command(short_help="Show the diagnosis of a recorded run.")
@_outputs.output_options
@judging_options
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; write files and set the exit status only.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the JSON format, and end.")
@click.argument("run", required=False)
def show(
    run: str | None,
    output: tuple[str, ...],
    format: str | None,
    fail_on: str | None,
    baseline: str | None,
    sets: tuple[tuple[str, str], ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    quiet: bool,
    schema: bool,
) -> None:
    """Show the diagnosis of RUN, a folder in .diagnose; by default of the latest one.

    The run is judged anew, under the settings of its project and of this command line.
    """
    if schema:
        from diagnose.report import json

        click.echo(json.schema(), nl=False)
        return
    outputs = _outputs.resolve(output, format)
    known = read_baseline(baseline) if baseline else frozenset()
    diagnosis = judged(run, sets=sets, select=select, ignore=ignore)
    if baseline:
        diagnosis = without(diagnosis, known, baseline)
    if not quiet:
        _outputs.show(diagnosis, None if outputs else format, sys.stdout)
    written = _outputs.write(diagnosis, outputs, quiet=quiet)
    status = _outputs.exit_status(diagnosis, fail_on) or (0 if written else 1)
    if status:
        raise SystemExit(status)
