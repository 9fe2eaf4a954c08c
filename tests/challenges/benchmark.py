"""Score the rules on the challenge programs: each program is recorded once, and judged in milliseconds.

    python tests/challenges/benchmark.py [GLOB ...] [--wave NAME] [--verbose] [--jobs N] [--stale]

Prints detection, cause@1, cause@3, told apart, alarms (each with its 95 % Wilson interval), spurious causes a faulty
program and notes a sound one; per rule with --rules; how far stated confidences hold with --confidence. --readme writes
the tables into the project's README; --first-contact NAME keeps the figures of the programs of that wave, which is
done once, before any rule is tuned on them. score.py explains the words.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from figures import Answer, answer, by_rule, reliability, reliability_by_rule, summary, told, totals
from recorded import HERE, PROJECT, Program, programs, recordings, waves
from score import wilson

import diagnose


def judged(wanted: Sequence[Program], *, jobs: int = 2, stale: bool = False) -> list[Answer]:
    """Answers on all programs, recorded where they were not yet."""
    return [answer(p, diagnose.judge(diagnose.load(folder))) for p, folder in recordings(wanted, jobs=jobs, stale=stale)]


def of_wave(answers: Sequence[Answer], name: str) -> list[Answer]:
    ids = set(waves()[name]["ids"])
    return [a for a in answers if a.program.id in ids]


def tables(answers: Sequence[Answer]) -> str:
    """The README's tables: figures by wave, then by rule."""
    groups = [("all programs", list(answers), None)]
    groups += [(wave["title"], of_wave(answers, name), wave.get("first")) for name, wave in waves().items()]
    names = ("detected", "cause@1", "cause@3", "told apart", "alarms", "spurious", "notes")
    lines = ["| programs | when | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for title, some, first in groups:
        if not some:
            continue
        faulty = sum(a.program.faulty for a in some)
        if first:
            cells = [told(*first[n], n) if n in first else "–" for n in names]
            lines.append(f"| {title} | first contact | " + " | ".join(cells) + " |")
        cells = [told(*totals(some)[n], n) for n in names]
        lines.append(f"| {title}: {faulty} faulty, {len(some) - faulty} sound | now | " + " | ".join(cells) + " |")
    lines += ["", "| rule | faulty programs | named among the first three | named beside the label | alarms on sound ones |",
              "|---|---|---|---|---|"]  # fmt: skip
    lines += [f"| `{r}` | {n} | {wilson(k, n) if n else '–'} | {odd} | {alarms} |" for r, n, k, odd, alarms in by_rule(answers)]
    lines += ["", "| stated confidence | causes said | that fit the label |", "|---|---|---|"]
    lines += [f"| {low:.2f} to {min(high, 1):.2f} | {n} | {wilson(k, n)} |" for low, high, n, k in reliability(answers)]
    return "\n".join(lines)


def into_readme(text: str) -> None:
    place = PROJECT / "README.md"
    mark = re.compile(r"(<!-- challenges: generated -->\n).*?(<!-- end of challenges -->)", re.S)
    old = place.read_text()
    if not mark.search(old):
        raise SystemExit("expected the marks of the challenges' tables in README.md, found none")
    place.write_text(mark.sub(lambda m: f"{m[1]}{text}\n{m[2]}", old))


def keep_first_contact(name: str, answers: Sequence[Answer]) -> None:
    """Writes the figures of a wave's first contact into waves.toml, once."""
    if waves()[name].get("first"):
        raise SystemExit(f"expected a wave without a first contact, found that {name!r} has one; it is made only once")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    figures = ", ".join(f'"{n}" = [{hits}, {of}]' for n, (hits, of) in totals(of_wave(answers, name)).items())
    place = HERE / "waves.toml"
    head = f"[wave.{name}]\n"
    place.write_text(place.read_text().replace(head, f'{head}commit = "{commit}, {today}"\nfirst = {{{figures}}}\n'))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", default=["*"], help="globs of program ids")
    parser.add_argument("--wave", help="only the programs of this wave (waves.toml)")
    parser.add_argument("--verbose", action="store_true", help="a line for each program that is not as it should be")
    parser.add_argument("--rules", action="store_true", help="figures by rule")
    parser.add_argument("--confidence", action="store_true", help="how far stated confidences hold")
    parser.add_argument("--readme", action="store_true", help="write the tables into README.md")
    parser.add_argument("--first-contact", metavar="WAVE", help="keep the figures of this wave in waves.toml")
    parser.add_argument("--stale", action="store_true", help="take older recordings of the same programs")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()

    wanted = programs(options.only)
    name = options.first_contact or options.wave
    if name and name not in waves():
        parser.error(f"expected one of the waves {', '.join(waves())}, found {name!r}")
    if name:
        wanted = [p for p in wanted if p.id in waves()[name]["ids"]]
    if not wanted:
        print("no program matched", file=sys.stderr)
        return 2
    answers = judged(wanted, jobs=options.jobs, stale=options.stale)
    if options.verbose:
        for a in answers:
            if a.mark not in ("cause@1", "silent") or (a.program.faulty and set(a.names) - a.expect - a.accept):
                said = a.names if a.program.faulty else list(a.loud)
                print(f"{a.program.id:34} {a.program.kind:6} {a.mark:8} {said} expected {sorted(a.expect)}")
    print(summary(answers))
    if options.rules:
        for rule, n, k, odd, alarms in by_rule(answers):
            print(f"{rule:34} expected {n:3} named {k:3} odd {odd:3} alarms {alarms:3}")
    if options.confidence:
        for low, high, n, k in reliability(answers):
            print(f"confidence {low:.2f} to {min(high, 1):.2f}: {wilson(k, n)}")
        for rule, stated, n, k in reliability_by_rule(answers):
            print(f"{rule:34} stated {stated:.2f} fits {k}/{n}")
    if options.first_contact:
        keep_first_contact(options.first_contact, answers)
    if options.readme:
        into_readme(tables(answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
