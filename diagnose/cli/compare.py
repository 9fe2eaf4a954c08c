"""`diagnose compare`: what changed between two recorded runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from diagnose.cli._judging import judged, judging_options
from diagnose.errors import DiagnoseError, UsageError
from diagnose.report.words import plain


@click.command(short_help="Say what changed between two recorded runs.")
@click.option("-o", "--output", multiple=True, metavar="FILE", help="Write it there; .json, .html or .txt.")
@click.option(
    "--format",
    type=click.Choice(["terminal", "json", "html"]),
    default="terminal",
    help="Of what is printed without -o.",
)
@judging_options
@click.argument("before")
@click.argument("after")
def compare(
    before: str,
    after: str,
    output: tuple[str, ...],
    format: str,
    sets: tuple[tuple[str, str], ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
) -> None:
    """Compare run BEFORE with run AFTER: folders in .diagnose, or folders that hold runs (then the latest).

    Findings gone and new, the figures reached, the first step and layer where the runs part, and what was set
    otherwise.
    """
    from diagnose.report.comparing.compared import FORMATS as ways
    from diagnose.report.comparing.compared import SUFFIXES
    from diagnose.report.comparing.comparison import compare as compared

    forms = {file: SUFFIXES.get(Path(file).suffix.lower()) for file in output}
    for file, form in forms.items():
        if form is None:
            raise UsageError(f"expected -o with a file that ends in one of {', '.join(SUFFIXES)}, found {file!r}")
        if os.path.isdir(file):
            raise UsageError(f"expected -o with a file, found the folder {file!r}")
    told = compared(*(judged(path, sets=sets, select=select, ignore=ignore) for path in (before, after)))
    if not output:
        click.echo(ways[format](told), nl=False)
    for file, form in forms.items():
        text = ways[str(form)](told)
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise DiagnoseError(f"could not write {file!r}: {error.strerror or error}") from None
        click.echo(f"wrote: {plain(file)}", err=True)
