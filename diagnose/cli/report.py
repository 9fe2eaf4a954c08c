"""`diagnose report`: the page about a recorded run."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from diagnose.cli import _outputs
from diagnose.cli._baseline import Baseline
from diagnose.cli._judging import judged, judging_options
from diagnose.errors import UsageError
from diagnose.report import FIGURES, format_of


@click.command(short_help="Write a recorded run's HTML page.")
@click.option("-o", "--output", metavar="FILE.html", help="Where to write it; by default beside the run.")
@click.option(
    "--format",
    type=click.Choice(["html", *FIGURES]),
    default="html",
    help="A page, or with -o FOLDER its pictures as files.",
)
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
@click.option("--baseline", metavar="FILE", help="Set aside what a JSON written earlier has found.")
@judging_options
@click.argument("run", required=False)
def report(
    run: str | None,
    output: str | None,
    format: str,
    opened: bool,
    baseline: str | None,
    sets: tuple[tuple[str, str], ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
) -> None:
    """Write the page about RUN, a folder in .diagnose; by default about the latest one.

    The page is one file that needs no network. Its path is printed on stdout.
    """
    files = [output] if output is not None else []
    made: _outputs.Output | None = None
    if format in FIGURES:
        (made,) = _outputs.resolve(files, format)
        if opened:
            raise UsageError("expected --open with a page, found it with figures")
    elif output is not None and format_of(output) != "html" and not os.path.isdir(output):
        raise UsageError(
            f"expected -o with a file that ends in .html, found {output!r}; other formats: diagnose show -o"
        )
    elif files:
        (made,) = _outputs.resolve(files, None)
    known = Baseline.read(baseline) if baseline else None
    diagnosis = judged(run, sets=sets, select=select, ignore=ignore)
    if known is not None:
        diagnosis = known.without(diagnosis)
    made = made or _outputs.Output(_beside(diagnosis.run.path), "html")
    if not _outputs.write(diagnosis, [made], sys.stderr, quiet=True):
        raise SystemExit(1)
    click.echo(str(made.path))
    if opened and not webbrowser.open(made.path.as_uri()):
        click.echo("diagnose: found no browser to open the page with", err=True)


def _beside(run: str) -> Path:
    """`.diagnose/train-20261122-091500-4711.html`, beside the run's folder."""
    folder = Path(os.path.abspath(run))
    return folder.with_name(folder.name + ".html")
