"""Move each threshold of each rule by 30 % up and down: no verdict may hang on the third digit of a number.

    python tests/challenges/knife_edges.py [GLOB ...] [--wave NAME] [--by 0.3] [--all]

Judges the recorded runs of the challenge programs once for each threshold and direction, and prints what cause@3 and the
alarms become where either changes: the largest change of cause@3 is the figure that counts (at most 5 points).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from figures import Answer, answer, totals
from recorded import programs, recordings, waves

import diagnose
from diagnose.rules import all_rules
from diagnose.settings import Settings


def moved(value: object, by: float) -> Iterator[float]:
    """The threshold a share lower and higher; whole numbers by at least one, and a share of one stays below one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value == 0:
        return
    if isinstance(value, int):
        step = max(1, round(abs(value) * by))
        yield from (max(value - step, 1), value + step)
    elif 0.5 < value < 1:  # the distance from one is what is meant: 0.9 becomes 0.87 and 0.93
        yield from (1 - (1 - value) * (1 + by), 1 - (1 - value) * (1 - by))
    else:
        yield from (value * (1 - by), value * (1 + by))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", default=["*"])
    parser.add_argument("--wave")
    parser.add_argument("--by", type=float, default=0.3)
    parser.add_argument("--all", action="store_true", help="a line for every threshold, also where nothing changes")
    parser.add_argument("--stale", action="store_true", help="take older recordings of the same programs")
    options = parser.parse_args()
    wanted = programs(options.only)
    if options.wave:
        wanted = [p for p in wanted if p.id in waves()[options.wave]["ids"]]
    runs = [(p, diagnose.load(folder)) for p, folder in recordings(wanted, stale=options.stale)]
    plain = [answer(p, diagnose.judge(run)) for p, run in runs]
    start = totals(plain)
    print(f"{len(runs)} programs, cause@3 {start['cause@3']}, alarms {start['alarms']}")
    worst, moves = 0.0, 0
    for rule in all_rules().values():
        alone = {rule.name: rule}
        said = [diagnose.judge(run, rules=alone).findings for _, run in runs]
        for name, value in rule.thresholds.items():
            for other in moved(value, options.by):
                settings = Settings(thresholds={rule.name: {name: other}})
                answers: list[Answer] = []
                for (program, run), before, known in zip(runs, said, plain, strict=True):
                    # all rules are asked again only where this one says something else
                    same = diagnose.judge(run, rules=alone, settings=settings).findings == before
                    answers.append(known if same else answer(program, diagnose.judge(run, settings=settings)))
                now = totals(answers)
                moves += 1
                lost = [100 * (now[k][0] - start[k][0]) / max(start[k][1], 1) for k in ("cause@3", "alarms")]
                worst = max(worst, abs(lost[0]))
                if options.all or any(lost):
                    odd = [a.program.id for a, b in zip(answers, plain, strict=True) if (a.named, a.alarms) != (b.named, b.alarms)]
                    print(f"{rule.name}.{name} {value:g} -> {other:.3g}: cause@3 {lost[0]:+.1f}, alarms {lost[1]:+.1f} points {odd[:6]}")
    print(f"{moves} moves; the largest changes cause@3 by {worst:.1f} points")
    return 0 if math.isfinite(worst) else 1


if __name__ == "__main__":
    sys.exit(main())
