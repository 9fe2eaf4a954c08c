"""The gallery: an index and one page a trouble, of what was recorded; the same runs give the same bytes."""

from __future__ import annotations

import ast
import shutil
from dataclasses import dataclass
from pathlib import Path

from jinja2 import ChoiceLoader, FileSystemLoader

from demos import _pictures
from demos._runs import Outcome, Pair, faulty, observing
from diagnose.explanation import Explanation
from diagnose.finding import Finding
from diagnose.report import html
from diagnose.report.page import attribution
from diagnose.report.page.pictures import scale

TEMPLATES = Path(__file__).with_name("_pages")
FAULTY, FIXED = "#d55e00", "#0072b2"  # Okabe & Ito 2008: told apart by colour-blind eyes too
LARGEST = 5 * 2**20  # bytes in all


@dataclass(frozen=True)
class Network:
    """A healthy network with its run."""

    script: Path
    run: Outcome

    @property
    def name(self) -> str:
        return self.script.stem

    @property
    def about(self) -> str:
        """The first line of the demo's docstring."""
        return (ast.get_docstring(ast.parse(self.script.read_text(encoding="utf-8"))) or "").partition("\n")[0]

    @property
    def command(self) -> str:
        return f"diagnose run --explain demos/{self.script.name}"

    @property
    def explanations(self) -> list[Explanation]:
        """What was explained of it, refusals left out."""
        return [one for training in self.run.diagnosis.run.trainings for one in training.explanations if one.refused is None]


@dataclass(frozen=True)
class Entry:
    """A trouble of a network with its two runs."""

    pair: Pair
    faulty: Outcome
    fixed: Outcome

    @property
    def name(self) -> str:
        return f"{self.pair.network}-{self.pair.problem}"

    @property
    def verdict(self) -> str:
        """What was found first in the faulty run."""
        return self.faulty.loud[0] if self.faulty.loud else "nothing found"

    @property
    def command(self) -> str:
        options = "".join(f"{option} " for option in observing(faulty(self.pair)))
        return f"diagnose run {options}demos/{self.pair.script.name} --problem {self.pair.problem}"


def write(networks: list[Network], entries: list[Entry], folder: Path) -> None:
    """Write all pages; what was in the folder before is replaced.

    Raises:
        RuntimeError: the gallery is larger than 5 MB; nothing was replaced.
    """
    pages = html.environment()  # of the report, whose parts show what a network looks at
    pages.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), *([pages.loader] if pages.loader else [])])
    files: dict[str, bytes] = {"style.css": (TEMPLATES / "style.css").read_bytes()}
    if networks:
        files["report.css"] = "\n".join(map(html.asset, html.STYLES)).encode()
    for network in networks:
        trainings = network.run.diagnosis.run.trainings
        files[f"{network.name}.png"] = _pictures.losses([("", FIXED, trainings[-1])])
        for one in network.explanations[:1]:
            files[f"{network.name}-attribution.png"] = _pictures.attribution(one)
        drawings = {f"{network.name}-{drawn.name}": drawn.read_bytes() for drawn in sorted(network.run.folder.glob("*.png"))}
        parts = [part for training in trainings for part in attribution.explained(training)]
        page = pages.get_template("network.html").render(network=network, parts=parts, samples=list(drawings), scale=scale())
        files |= {**drawings, f"{network.name}.html": page.encode()}
    for entry in entries:
        sides = [("faulty", FAULTY, entry.faulty), ("fixed", FIXED, entry.fixed)]
        files[f"{entry.name}.png"] = _pictures.losses([(name, colour, run.diagnosis.run.trainings[-1]) for name, colour, run in sides])
        samples = []
        for side, outcome in (("faulty", entry.faulty), ("fixed", entry.fixed)):
            for drawn in sorted(outcome.folder.glob("*.png")):
                files[f"{entry.name}-{side}.png"] = drawn.read_bytes()
                samples.append((side, f"{entry.name}-{side}.png"))
        page = pages.get_template("pair.html").render(
            entry=entry, samples=samples, sides=(("faulty", entry.faulty), ("fixed", entry.fixed)), shown=_shown, line=_line,
            fault=marked(entry.pair),
        )  # fmt: skip
        files[f"{entry.name}.html"] = page.encode()
    names = dict.fromkeys([*(network.name for network in networks), *(entry.pair.network for entry in entries)])
    shelves = [
        (name, [n for n in networks if n.name == name], [entry for entry in entries if entry.pair.network == name]) for name in names
    ]
    files["index.html"] = pages.get_template("index.html").render(shelves=shelves).encode()
    size = sum(map(len, files.values()))
    if size > LARGEST:
        raise RuntimeError(f"expected a gallery of at most {LARGEST} bytes, got {size}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _shown(outcome: Outcome) -> list[Finding]:
    """Errors and warnings, by rank."""
    return [finding for finding in outcome.diagnosis.findings if finding.severity != "note"]


def _line(pair: Pair, finding: Finding) -> str:
    """The demo's line that a finding points at, with its number; empty where it points at none."""
    if finding.source is None or Path(finding.source.file).name != pair.script.name:
        return ""
    lines = pair.script.read_text(encoding="utf-8").splitlines()
    number = finding.source.line
    return f"{number:>4}  {lines[number - 1]}" if 0 < number <= len(lines) else ""


def marked(pair: Pair) -> str:
    """The lines of the demo that mark its faults, of which one is this trouble's."""
    lines = pair.script.read_text(encoding="utf-8").splitlines()
    order = [index for index, line in enumerate(lines) if "# FAULT: " in line]
    for above in range(5):  # the line names the trouble, or stands in a block that does
        near = [i for i in order if (pair.problem if above == 0 else f'"{pair.problem}"') in lines[max(0, i - above)]]
        if near:
            return "\n".join(f"{i + 1:>4}  {lines[i]}" for i in near)
    return ""
