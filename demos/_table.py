"""The table of the reference networks: is each trouble found first, is each cure silent, and what does it gain?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demos._runs import Command, Outcome, cured, faulty, healthy, outcome, pairs_of, scripts, seeded


@dataclass(frozen=True)
class Row:
    """What is faulty, nothing for a healthy network, and what must be silent."""

    script: Path
    name: str
    wrong: Command | None
    right: Command

    def runs(self, seed: int) -> list[tuple[Path, Command]]:
        """The runs of a seed that the row is about."""
        return [(self.script, seeded(given, seed)) for given in (self.wrong, self.right) if given is not None]


def rows() -> Iterator[Row]:
    """Every network on each of its data, and every trouble with each of its cures."""
    for script in scripts():
        for given in healthy(script):
            yield Row(script, " ".join(("healthy", *given[1:])), None, given)
        for pair in pairs_of(script):
            names = [f"{pair.problem}: {cure}" for cure in pair.cures] or [pair.problem]
            for name, given in zip(names, cured(pair), strict=True):
                yield Row(script, name, faulty(pair), given)


def lines(wanted: list[Row], seeds: list[int], there: set[tuple[Path, Command]], store: Path) -> Iterator[tuple[str, bool]]:
    """The rows of which something is recorded, as lines of Markdown, and whether each is as it should be."""
    for row in wanted:
        recorded = [runs for runs in map(row.runs, seeds) if there.issuperset(runs)]
        if not recorded:
            continue
        right = [outcome(*runs[-1], store) for runs in recorded]
        wrong = [outcome(*runs[0], store) for runs in recorded] if row.wrong else []
        first = sum(side.loud[:1] == [row.wrong[1]] for side in wrong) if row.wrong else 0
        silent, count = sum(not side.loud for side in right), len(recorded)
        seconds = max(side.cpu_seconds for side in (*wrong, *right))
        found, before = (f"{first}/{count}", _told(wrong[0])) if wrong else ("", "")
        cells = row.script.stem, row.name, found, f"{silent}/{count}", before, _told(right[0]), f"{seconds:.0f}"
        yield "| " + " | ".join(cells) + " |", silent == count and (not wrong or first == count)


def _told(side: Outcome) -> str:
    return f"{side.metric}; {side.cost}" if side.cost else side.metric
