"""The options that every command with a diagnosis shares, and where their answers go."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from diagnose.errors import UsageError
from diagnose.finding import Diagnosis
from diagnose.report import FIGURES, format_of, reporters, terminal
from diagnose.report.words import count, plain, verdict

FOUND, NOTHING_OBSERVED = 3, 4  # exit statuses of --fail-on
ASCII = str.maketrans({"–": "-", "…": "...", "±": "+-", "×": "x", "→": "->", "·": "-", "∞": "inf"})
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Output:
    """A file to write, or a folder of figures, and in which format."""

    path: Path  # absolute: the program may change the current folder
    format: str


def output_options(command: Command) -> Command:
    """Adds -o/--output FILE…, --format, --fail-on and --baseline, so named (`fail_on`), to a click command."""
    for option in (
        click.option("--baseline", metavar="FILE",
                     help="Set aside what a JSON written earlier has found: only new findings count."),
        click.option("--fail-on", type=click.Choice(["error", "warning"]), metavar="error|warning",
                     help="Exit with 3 if something at least that bad was found, 4 if nothing could be observed."),
        click.option("--format", metavar="FORMAT",
                     help=f"Of a single -o, or of what is printed: {', '.join(reporters())}; "
                          f"with -o FOLDER, figures: {', '.join(FIGURES)}."),
        click.option("-o", "--output", multiple=True, metavar="FILE",
                     help="Write the diagnosis there too; the suffix tells the format. May be repeated."),
    ):  # fmt: skip
        command = option(command)
    return command


def resolve(files: Sequence[str], format: str | None) -> tuple[Output, ...]:
    """The files of -o with their formats, absolute from the current folder; called before the program starts.

    Raises:
        UsageError: an unknown format or suffix, --format with several files, a folder in place of a file or a file in
            place of a folder.
    """
    if format is not None and format not in (*reporters(), *FIGURES):
        raise UsageError(f"expected a format of {', '.join((*reporters(), *FIGURES))}, found {format!r}")
    if format is not None and len(files) > 1:
        raise UsageError(f"--format speaks of one -o, found {len(files)}; their suffixes tell their formats")
    if format in FIGURES:
        return (Output(_folder(files, format), format),)
    outputs = []
    for file in files:
        if file.endswith(("/", os.sep)) or os.path.isdir(file):
            raise UsageError(
                f"expected -o with a file, found the folder {file!r}; for figures in it: --format {' or '.join(FIGURES)}"
            )
        form = format or format_of(file)
        if form is None:
            suffixes = ", ".join(suffix for reporter in reporters().values() for suffix in reporter.SUFFIXES)
            raise UsageError(
                f"expected -o with a file that ends in one of {suffixes}, found {file!r}; or give --format"
            )
        outputs.append(Output(Path(os.path.abspath(file)), form))
    return tuple(outputs)


def _folder(files: Sequence[str], format: str) -> Path:
    """Where figures go."""
    if not files:
        raise UsageError(f"expected -o with the folder for the figures beside --format {format}")
    path = Path(os.path.abspath(files[0]))
    if (path.exists() and not path.is_dir()) or path.suffix.lower() == f".{format}":
        raise UsageError(f"expected -o with a folder, for figures are many files, found {files[0]!r}")
    return path


def tell(
    diagnosis: Diagnosis,
    *,
    outputs: Sequence[Output] = (),
    format: str | None = None,
    quiet: bool = False,
    fail_on: str | None = None,
    stream: TextIO | None = None,
) -> int | None:
    """Prints the diagnosis, writes every file, and returns the exit status that `fail_on` asks for.

    `format` is what is printed when there is no -o (with one, it is that file's, and the terminal's text is printed).
    Nothing here raises: a file that can not be written costs one line, even when `quiet`.
    """
    if not quiet:
        show(diagnosis, None if outputs else format, stream)
    write(diagnosis, outputs, stream, quiet=quiet)
    return exit_status(diagnosis, fail_on)


def exit_status(diagnosis: Diagnosis, fail_on: str | None) -> int | None:
    """3 for findings at least as bad as `fail_on`, 4 where nothing was observed, None otherwise."""
    if fail_on is None:
        return None
    if diagnosis.level == "nothing-observed":
        return NOTHING_OBSERVED
    return FOUND if diagnosis.level in {"error": ("error",), "warning": ("error", "warning")}[fail_on] else None


def show(diagnosis: Diagnosis, format: str | None = None, stream: TextIO | None = None) -> None:
    """Prints the diagnosis in a format; the terminal's fits the terminal."""
    stream = stream if stream is not None else sys.stderr
    try:
        if format in (None, "terminal"):
            text = terminal.render(diagnosis, width=width(stream), color=_colorful(stream))
        else:
            text = reporters()[format].render(diagnosis)
    except Exception as error:  # noqa: BLE001 the verdict must be told, even where a rich.py of the user hides rich
        told = [f"diagnose: {diagnosis.level}: {verdict(diagnosis)}"]
        told += [f"{f.severity}[{f.rule}]: {plain(f.message)}" for f in diagnosis.findings]
        told += [f"diagnose: shown in short, because {type(error).__name__} came up: {plain(error)}"]
        text = "\n".join(told) + "\n"
    _print(text, stream)


def write(
    diagnosis: Diagnosis, outputs: Sequence[Output], stream: TextIO | None = None, *, quiet: bool = False
) -> bool:
    """Writes every file and says so in a line each, those that can not be written even when `quiet`. Whether all were."""
    stream = stream if stream is not None else sys.stderr
    well = True
    for output in outputs:
        try:
            told = plain(terminal.shown(output.path))
            if output.format in FIGURES:
                told += f" ({count(_draw(output, diagnosis), 'figure')})"
            else:
                _replace(output.path, reporters()[output.format].render(diagnosis).encode("utf-8", "backslashreplace"))
            if not quiet:
                _print(f"wrote: {told}\n", stream)
        except Exception as error:  # noqa: BLE001 one file must not lose the others
            why = (
                error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
            )
            _print(f"diagnose: could not write {plain(output.path)}: {plain(why)}\n", stream)
            well = False
    return well


def _draw(output: Output, diagnosis: Diagnosis) -> int:
    """Writes all figures into the folder; how many there are."""
    from diagnose.report.figures import figures

    made = figures(diagnosis, output.format)
    for name, data in made.items():
        _replace(output.path / name, data)
    return len(made)


def _replace(path: Path, data: bytes) -> None:
    """Writes beside the file and renames, so that there is a whole file or the old one; a device or pipe is fed."""
    path = Path(os.path.realpath(path))  # a link stays a link
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        path.write_bytes(data)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        half.write_bytes(data)
        os.replace(half, path)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def _print(text: str, stream: TextIO) -> None:
    """Writes to a stream that the program may have closed, broken or set to an encoding of few letters."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        text = text.translate(ASCII).encode("ascii", "backslashreplace").decode("ascii")
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream.write(text)
        stream.flush()


def _terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no stream, or a closed one
        return False


def _colorful(stream: TextIO) -> bool:
    """Colour on a terminal that has any, unless NO_COLOR is set (https://no-color.org)."""
    return _terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in ("dumb", "unknown")


def width(stream: TextIO) -> int:
    """Columns of a terminal, or those that COLUMNS says; 80 elsewhere."""
    if _terminal(stream):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            return os.get_terminal_size(stream.fileno()).columns or 80
    return shutil.get_terminal_size().columns if os.environ.get("COLUMNS") else 80
