"""The gallery: an index and one page a trouble, of what was recorded; the same runs give the same bytes."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from demos._runs import Outcome, Pair, observing
from diagnose.finding import Finding
from diagnose.run import Floats, Steps, Training

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # after the choice of the backend

TEMPLATES = Path(__file__).with_name("_pages")
FAULTY, FIXED = "#d55e00", "#0072b2"  # Okabe & Ito 2008: told apart by colour-blind eyes too
LARGEST = 5 * 2**20  # bytes in all


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
        options = "".join(f"{option} " for option in observing((self.pair.problem,)))
        return f"diagnose run {options}demos/{self.pair.script.name} --problem {self.pair.problem}"


def write(entries: list[Entry], folder: Path) -> None:
    """Write all pages; what was in the folder before is replaced.

    Raises:
        RuntimeError: the gallery is larger than 5 MB; nothing was replaced.
    """
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                        lstrip_blocks=True)  # fmt: skip
    files: dict[str, bytes] = {"style.css": (TEMPLATES / "style.css").read_bytes()}
    for entry in entries:
        files[f"{entry.name}.png"] = _picture(entry)
        samples = []
        for side, outcome in (("faulty", entry.faulty), ("fixed", entry.fixed)):
            for drawn in sorted(outcome.folder.glob("*.png")):
                files[f"{entry.name}-{side}.png"] = drawn.read_bytes()
                samples.append((side, f"{entry.name}-{side}.png"))
        page = pages.get_template("pair.html").render(
            entry=entry, samples=samples, sides=(("faulty", entry.faulty), ("fixed", entry.fixed)), shown=_shown, line=_line,
            fault=_marked(entry.pair),
        )  # fmt: skip
        files[f"{entry.name}.html"] = page.encode()
    networks = {entry.pair.network: [e for e in entries if e.pair.network == entry.pair.network] for entry in entries}
    files["index.html"] = pages.get_template("index.html").render(networks=networks).encode()
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


def _marked(pair: Pair) -> str:
    """The lines of the demo that mark its faults, of which one is this trouble's."""
    lines = pair.script.read_text(encoding="utf-8").splitlines()
    order = [index for index, line in enumerate(lines) if "# FAULT: " in line]
    near = [i for i in order if any(f'"{pair.problem}"' in line for line in lines[max(0, i - 1) : i + 1])]
    return "\n".join(f"{i + 1:>4}  {lines[i]}" for i in near)


def _picture(entry: Entry) -> bytes:
    """Losses of both runs: training thin, validation thick with points."""
    figure, axes = plt.subplots(figsize=(3.6, 1.9), dpi=110, layout="constrained")
    highest, lowest = 0.0, float("inf")
    for outcome, colour, name in ((entry.faulty, FAULTY, "faulty"), (entry.fixed, FIXED, "fixed")):
        training = outcome.diagnosis.run.trainings[-1]
        steps, values = _smoothed(training)
        axes.plot(steps, values, color=colour, linewidth=1, alpha=0.8, label=f"{name}, training")
        seen = [values]
        longest = max(training.evaluations, key=len, default=None)
        if longest is not None and len(longest) > 2:
            share = longest.steps / max(training.steps - 1, 1)
            axes.plot(share, longest.loss, color=colour, linewidth=1.6, linestyle="--", label=f"{name}, validation")
            seen.append(longest.loss)
        finite = np.concatenate(seen)
        finite = finite[np.isfinite(finite)]
        if len(finite):
            highest, lowest = max(highest, float(np.percentile(finite, 98))), min(lowest, float(finite.min()))
    if lowest > 0 and highest > 0:
        axes.set_yscale("log")  # losses of the two may be sums and means
    elif highest > 0:
        axes.set_ylim(top=1.1 * highest)
    axes.set_xlabel("share of the training", fontsize=7)
    axes.set_ylabel("loss", fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=5.5, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    plt.close(figure)
    return file.getvalue()


def _smoothed(training: Training, points: int = 80) -> tuple[Steps | Floats, Floats]:
    """The training loss as means over equal parts of the training, at their shares of it."""
    series = training.series("loss").measured()
    if not len(series):
        return np.empty(0), np.empty(0)
    parts = np.array_split(np.arange(len(series)), min(points, len(series)))
    with np.errstate(all="ignore"):
        values = np.array([series.values[part].mean() for part in parts])
    return np.array([series.steps[part].mean() for part in parts]) / max(training.steps - 1, 1), values
