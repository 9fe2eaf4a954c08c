"""`diagnose report`: the page about a recorded run."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from diagnose.cli import _outputs
from diagnose.cli._baseline import read_baseline, without
from diagnose.cli._judging import judged, judging_options
from diagnose.errors import UsageError
from diagnose.report import format_of


@click.command(short_help="Write a recorded run's HTML page.")
@click.option("-o", "--output", metavar="FILE.html", help="Where to write it; by default beside the run.")
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
@click.option("--baseline", metavar="FILE", help="Set aside what a JSON written earlier has found.")
@judging_options
@click.argument("run", required=False)
def report(
    run: str | None,
    output: str | None,
    opened: bool,
    baseline: str | None,
    sets: tuple[tuple[str, str], ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
) -> None:
    """Write the page about RUN, a folder in .diagnose; by default about the latest one.

    The page is one file that needs no network. Its path is printed on stdout.
    """
    if output is not None and format_of(output) != "html":
        raise UsageError(
            f"expected -o with a file that ends in .html, found {output!r}; other formats: diagnose show -o"
        )
    known = read_baseline(baseline) if baseline else frozenset()
    diagnosis = judged(run, sets=sets, select=select, ignore=ignore)
    if baseline:
        diagnosis = without(diagnosis, known, baseline)
    path = Path(os.path.abspath(output)) if output else _beside(diagnosis.run.path)
    if path.is_dir():
        raise UsageError(f"expected -o with a file, found the folder {output!r}")
    if not _outputs.write(diagnosis, [_outputs.Output(path, "html")], sys.stderr, quiet=True):
        raise SystemExit(1)
    click.echo(str(path))
    if opened and not webbrowser.open(path.as_uri()):
        click.echo("diagnose: found no browser to open the page with", err=True)


def _beside(run: str) -> Path:
    """`.diagnose/train-20261122-091500-4711.html`, beside the run's folder."""
    folder = Path(os.path.abspath(run))
    return folder.with_name(folder.name + ".html")
