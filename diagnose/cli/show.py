"""`diagnose show`: the diagnosis of a recorded run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from diagnose.cli import _outputs
from diagnose.cli._baseline import Baseline
from diagnose.cli._judging import judged, judging_options
from diagnose.errors import RunError, UsageError
from diagnose.report import format_of


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

    The run is judged anew, under the settings of its project and of this command line. RUN may also be a page that
    `-o FILE.html` or `diagnose report` wrote: with --format json it gives back the diagnosis that stands in it.
    """
    if schema:
        from diagnose.report.json import schema as published

        click.echo(published(), nl=False)
        return
    outputs = _outputs.resolve(output, format)
    if run is not None and format_of(run) == "html" and Path(run).is_file():
        _from_page(Path(run), outputs, format)
        return
    known = Baseline.read(baseline) if baseline else None
    diagnosis = judged(run, sets=sets, select=select, ignore=ignore)
    if known is not None:
        diagnosis = known.without(diagnosis)
    if not quiet:
        _outputs.show(diagnosis, None if outputs else format, sys.stdout)
    written = _outputs.write(diagnosis, outputs, quiet=quiet)
    status = _outputs.exit_status(diagnosis, fail_on) or (0 if written else 1)
    if status:
        raise SystemExit(status)


def _from_page(page: Path, outputs: Sequence[_outputs.Output], format: str | None) -> None:
    """Prints or writes the JSON that stands in a page; of the run itself a page holds no more than what it shows."""
    from diagnose.report.html import read_back

    forms: list[str | None] = [output.format for output in outputs] or [format]
    if any(form != "json" for form in forms):
        raise UsageError(f"expected --format json with a page, for a page gives back JSON only: {str(page)!r}")
    try:
        document = read_back(page.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise RunError(f"expected a page, but {str(page)!r} cannot be read: {error.strerror or error}") from None
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    for output in outputs:
        try:
            output.path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RunError(f"could not write {str(output.path)!r}: {error.strerror or error}") from None
    if not outputs:
        click.echo(text, nl=False)
