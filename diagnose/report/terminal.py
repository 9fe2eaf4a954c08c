"""The diagnosis as text for a terminal, in the manner of a good compiler."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from diagnose.finding import Diagnosis, Finding
from diagnose.report.source import lines, location
from diagnose.report.words import count, counted, listed, number, plain, span, statement, trainings, verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from diagnose.run import Run

SUFFIXES = (".txt",)

NARROWEST, WIDEST = 20, 110  # columns; longer lines are tiring to read
MOST_CAUSES = 5  # shown in full; the rest in a line each
MOST_SYMPTOMS = 6
REASONS = {
    "other-kind": "for other kinds of training", "no-validation": "no validation seen", "one-process": "for several processes",
    "not-explained": "without --explain",
}  # fmt: skip
STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan", "healthy": "bold green"}
QUIET = "dim"


def render(diagnosis: Diagnosis, *, width: int = 80, color: bool = False, command: str | None = None) -> str:
    """Text of `width` columns; code and commands are never broken, so that they can be copied.

    `command` is how the next command to type begins; by default what starts this installation from here.
    """
    from rich.console import Console  # here, because this module is imported before the user's program runs

    width = max(NARROWEST, min(width, WIDEST))
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False, markup=False,
        emoji=False, color_system="standard" if color else None, legacy_windows=False, _environ={},
    )  # fmt: skip
    for line in _page(diagnosis, console, command or _command()):
        console.print(line, soft_wrap=True)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text if color else "".join(line.rstrip() + "\n" for line in text.splitlines())


def _page(diagnosis: Diagnosis, console: Console, command: str) -> Iterator[Text]:
    run, level = diagnosis.run, diagnosis.level
    loud = level in ("error", "warning")
    head = _text(("diagnose: ", "bold"), (f"{level}: " if loud else "", STYLES.get(level, "bold")))
    style = "bold" if loud else STYLES["healthy"] if level in ("healthy", "note") else "bold yellow"
    yield from _hanging(console, head, _text((verdict(diagnosis), style)), indent=2)
    if loud:
        yield from _hanging(console, _text("  "), _text(f"{counted(diagnosis)} in {trainings(run)}"))
    if run.state in ("interrupted", "killed"):
        yield from _hanging(console, _text("  "), _text(f"the program was {run.state} after {number(run.seconds)} s"))
    elif run.exception:
        yield from _hanging(console, _text("  "), _text(f"the program ended by {plain(run.exception)}"))
    yield _text()

    yield from _findings(diagnosis, console)
    yield from _footer(diagnosis, console)
    yield from _end(diagnosis, command)


def _findings(diagnosis: Diagnosis, console: Console) -> Iterator[Text]:
    shown: set[str] = set()
    full = 0
    for finding in sorted(diagnosis.findings, key=lambda finding: (bool(finding.symptom_of), finding.rank)):
        if finding.id in shown:
            continue
        shown.add(finding.id)
        if not finding.loud:
            yield from _header(finding, console)
            yield _text()
            continue
        full += 1
        if full > MOST_CAUSES:
            yield from _header(finding, console)
            yield _text()
            continue
        symptoms = [symptom for symptom in diagnosis.symptoms(finding) if symptom.id not in shown]
        shown.update(symptom.id for symptom in symptoms)
        yield from _block(finding, symptoms, diagnosis.run, console)
        yield _text()


def _header(finding: Finding, console: Console) -> Iterator[Text]:
    style = STYLES[finding.severity]
    head = _text((f"{finding.severity}[{plain(finding.rule)}]", style), (": ", "bold"))
    yield from _hanging(console, head, _text((plain(finding.message), "bold" if finding.loud else "")), indent=2)


def _block(finding: Finding, symptoms: list[Finding], run: Run, console: Console) -> Iterator[Text]:
    """Message, place and line of code, what is seen, the fix, and the symptoms in a line each."""
    yield from _header(finding, console)
    quoted = lines(finding.source, run) if finding.source else {}
    gutter = " " * (len(str(finding.source.line)) if quoted and finding.source else 2)
    places = listed([plain(place) for place in finding.places])
    where = plain(location(finding.source, run)) if finding.source else ""
    where = f"{where} in {places}" if where and places else where or places
    if len(run.trainings) > 1:
        where += f", training {finding.training}"
    sure = f"{finding.confidence:.0%} sure"
    yield from _hanging(console, _text((f"{gutter}--> ", "blue")), _text(f"{where}, " if where else "", (sure, QUIET)))

    edge, item = _text((f"{gutter} |", "blue")), _text((f"{gutter} = ", "blue"))
    for line, code in quoted.items():
        yield edge
        yield _text((f"{line} | ", "blue"), plain(code))
        yield edge
    for seen in finding.evidence:
        yield from _hanging(console, item + _text(("seen: ", "bold")), _text(statement(seen)))
    if finding.fix:
        yield from _hanging(console, item + _text(("fix: ", "bold green")), _text(plain(finding.fix.text)))
        if finding.fix.code:
            yield edge
            for code in textwrap.dedent(finding.fix.code.expandtabs(4)).splitlines():
                yield _text((f"{gutter} |   ", "blue"), (plain(code), "green"))
            if symptoms:
                yield edge
    for symptom in symptoms[:MOST_SYMPTOMS]:
        said = _text(("so also ", "bold"), (symptom.rule, STYLES[symptom.severity]), f": {plain(symptom.message)}")
        line_ = item + said
        line_.truncate(console.width, overflow="ellipsis")
        yield line_
    if len(symptoms) > MOST_SYMPTOMS:
        yield item + _text(f"and {count(len(symptoms) - MOST_SYMPTOMS, 'more symptom')}")


def _footer(diagnosis: Diagnosis, console: Console) -> Iterator[Text]:
    """What was checked, what was not and why, what was not seen, and what watching cost."""
    run = diagnosis.run
    checked, unchecked = set(diagnosis.checked), _unchecked(diagnosis)
    if diagnosis.findings:
        quiet = len(checked - {finding.rule for finding in diagnosis.findings})
        said = f"{count(len(checked), 'rule')}, {quiet} found nothing" + (f"; not: {unchecked}" if unchecked else "")
        yield from _hanging(console, _text(("checked: ", "bold")), _text((said, QUIET)))
    elif unchecked and diagnosis.level != "nothing-observed":  # the verdict has the number of those checked
        yield from _hanging(console, _text(("not checked: ", "bold")), _text((unchecked, QUIET)))
    if diagnosis.suppressed:
        silenced = listed(list(dict.fromkeys(plain(entry.get("rule", "")) for entry in diagnosis.suppressed)), 5)
        yield from _hanging(console, _text(("ignored: ", "bold")), _text((silenced, QUIET)))
    for place, message in _unseen(diagnosis):
        said = f"{place}: {message}" if place else message
        yield from _hanging(console, _text(("not seen: ", "bold")), _text((said, QUIET)))
    for explanation in (one for training in run.trainings for one in training.explanations if one.refused is None):
        failed = [check.name for check in explanation.trust if not check.passed]
        sure = f"failed its checks: {', '.join(failed)}" if failed else "all its checks passed"
        said = f"{plain(explanation.network)} by {explanation.method}, {sure}; diagnose explain tells more"
        yield from _hanging(console, _text(("explained: ", "bold")), _text((said, QUIET)))
    overhead = run.facts.get("overhead") or {}
    if overhead.get("fraction") is not None and diagnosis.level != "nothing-observed":
        share = f"{number(100 * float(overhead['fraction']), 2)}% of the training time"
        once = f" and {number(float(overhead['once_seconds']), 2)} s once" if overhead.get("once_seconds") else ""
        yield from _hanging(console, _text(("overhead: ", "bold")), _text((share + once, QUIET)))


def _unchecked(diagnosis: Diagnosis) -> str:
    """Rules that could not speak, by reason: few by name, many by count."""
    reasons: dict[str, list[str]] = {}
    for missed in diagnosis.not_checked:
        rules = reasons.setdefault(REASONS.get(missed.code, plain(missed.code).replace("-", " ")), [])
        if missed.rule not in rules and missed.rule not in diagnosis.checked:
            rules.append(plain(missed.rule))
    told = [
        f"{', '.join(rules) if len(rules) <= 2 else count(len(rules), 'rule')} ({reason})"
        for reason, rules in sorted(reasons.items(), key=lambda entry: len(entry[1]))
        if rules
    ]
    return ", ".join(told)


def _unseen(diagnosis: Diagnosis, most: int = 4) -> Iterator[tuple[str, str]]:
    """Blind spots, and where the recorder itself failed."""
    told = [(plain(spot.place), plain(spot.message)) for spot in diagnosis.blind_spots]
    for event in diagnosis.run.events:
        if event.kind == "recording-stopped":
            told.insert(0, ("", f"recording stopped at {_when(event.step)}: {plain(event.details.get('reason', ''))}"))
        elif event.kind == "probe-failed":
            probe, error = (plain(event.details.get(key, "unknown")) for key in ("probe", "error"))
            told.insert(0, (probe, f"this measurement failed and was switched off at {_when(event.step)}: {error}"))
    yield from told[:most]
    if len(told) > most:
        yield "", f"{count(len(told) - most, 'more place')} (listed in the JSON)"


def _end(diagnosis: Diagnosis, command: str) -> Iterator[Text]:
    """Where the run is, and the exact next command."""
    run = diagnosis.run
    if not run.path:
        return
    path = shown(run.path)
    yield _text(("run: ", "bold"), plain(path))
    first = next((finding for finding in diagnosis.causes if finding.loud), None)
    if first is not None:
        yield _text(("next: ", "bold"), f"{command} rules {plain(first.rule)}")
    elif run.state != "nothing-observed":
        yield _text(("next: ", "bold"), f"{command} show {plain(shlex.quote(path))} -o diagnosis.json")


def _when(step: int | None) -> str:
    return span((step, step)) if step is not None else "an unknown step"


def shown(path: str | os.PathLike[str]) -> str:
    """A path from the current folder where it lies inside."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):
        return str(path)
    return str(path) if relative.startswith("..") else relative


def _command() -> str:
    """How this installation is called from a shell: an environment need not be activated."""
    beside = os.path.join(os.path.dirname(sys.executable), "diagnose")
    found = shutil.which("diagnose")
    if found and os.path.realpath(found) == os.path.realpath(beside):
        return "diagnose"
    if os.access(beside, os.X_OK):
        return shlex.quote(shown(beside))
    return f"{shlex.quote(sys.executable)} -m diagnose"


def _text(*parts: str | tuple[str, str]) -> Text:
    from rich.text import Text

    return Text.assemble(*parts)


def _hanging(console: Console, head: Text, body: Text, indent: int | None = None) -> Iterable[Text]:
    """Head and body, wrapped; further lines stand `indent` columns in (default: where the body began)."""
    from rich.text import Text

    deep = head.cell_len if indent is None else indent
    if deep > console.width // 2:
        deep = 2
    wrapped = (head + body).wrap(console, console.width)
    first = wrapped[0]
    first.rstrip()
    yield first
    rest = (head + body)[len(wrapped[0].plain) :]
    while rest.plain and rest.plain[0] == " ":
        rest = rest[1:]
    for line in rest.wrap(console, console.width - deep) if rest.plain else ():
        line.rstrip()
        yield Text(" " * deep) + line
