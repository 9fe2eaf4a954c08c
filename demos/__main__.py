"""The reference networks from one place.

    python -m demos                                    # every network and its troubles
    python -m demos feedforward vanishing-gradients    # one trouble beside its cure
    python -m demos table --seeds 0,1,2                # all of them, as a table
    python -m demos gallery                            # all of them, as pages in reports/gallery/
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from demos import _gallery
from demos._runs import ROOT, Outcome, Pair, arguments, outcome, pairs, record, scripts

WORKERS = 2  # a run keeps one core busy


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demos", description="Run the reference networks under diagnose.")
    parser.add_argument("network", nargs="?", metavar="NETWORK|table|gallery", help="without it, list all")
    parser.add_argument("problem", nargs="?", help="one of the network's troubles; without it, list them")
    parser.add_argument("--seed", type=int, default=0, help="for a pair and for the gallery")
    parser.add_argument("--seeds", default="0", help="for the table, with commas between")
    parser.add_argument("--kept", action="store_true", help="table and gallery: only what was recorded before")
    parser.add_argument("--store", type=Path, default=ROOT / ".cache" / "demos", help="where runs are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "reports" / "gallery", help="where the gallery is written")
    options = parser.parse_args()
    known = [script.stem for script in scripts()]
    if options.network in ("table", "gallery") and options.problem:
        parser.error(f"expected no argument after {options.network}, got {options.problem!r}")
    if options.network == "table":
        return _table([int(seed) for seed in options.seeds.split(",")], options.store, options.kept)
    if options.network == "gallery":
        return _render(options.seed, options.store, options.output, options.kept)
    if options.network is not None and options.network not in known:
        parser.error(f"expected one of {', '.join(known)}, table or gallery, got {options.network!r}")
    offered = [pair for pair in pairs() if options.network in (None, pair.network)]
    if options.problem is None:
        _list(offered)
        return 0
    chosen = next((pair for pair in offered if pair.problem == options.problem), None)
    if chosen is None:
        parser.error(f"expected one of {', '.join(p.problem for p in offered)}, got {options.problem!r}")
    _compare(chosen, options.seed, options.store)
    return 0


def _list(offered: list[Pair]) -> None:
    for pair in offered:
        print(f"{pair.network:<15}{pair.problem:<30}{pair.wrong}; fixed: {pair.cure}")


def _compare(pair: Pair, seed: int, store: Path) -> None:
    """A trouble and its cure side by side."""
    sides = [outcome(pair.script, arguments(pair, fixed=fixed, seed=seed), store) for fixed in (False, True)]
    table = Table("", f"faulty: {pair.wrong}", f"fixed: {pair.cure}", show_lines=True)
    table.add_row("found", *map(_found, sides))
    for name, values in (
        ("network", [side.result for side in sides]),
        ("baselines", [side.baselines for side in sides]),
        ("cost", [side.cost for side in sides]),
        ("CPU", [f"{side.cpu_seconds:.1f} s in all" for side in sides]),
    ):
        if any(values):
            table.add_row(name, *values)
    Console().print(table)


def _found(side: Outcome) -> str:
    findings = [f for f in side.diagnosis.findings if f.severity != "note"]
    return "\n".join(f"{f.rank}. {f.severity}: {f.rule}: {f.message}" for f in findings) or "nothing"


def _recorded(wanted: list[tuple[Path, tuple[str, ...]]], store: Path) -> set[tuple[Path, tuple[str, ...]]]:
    """Record what is missing, two at a time, and tell what failed; returns what there is."""
    done = set()
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = {pool.submit(record, script, given, store): (script, given) for script, given in wanted}
        ended = track(as_completed(waiting), "recording", total=len(waiting), console=Console(stderr=True))
        for future in ended:
            if (error := future.exception()) is not None:
                print(error, file=sys.stderr)
            else:
                done.add(waiting[future])
    return done


def _available(seeds: list[int], store: Path, kept_only: bool) -> list[tuple[Pair, int]]:
    """The pairs, with seeds, of which both sides are recorded."""
    from demos._runs import kept

    sides = {(p, s): [(p.script, arguments(p, fixed=f, seed=s)) for f in (False, True)] for p in pairs() for s in seeds}
    wanted = [side for both in sides.values() for side in both]
    if kept_only:
        there = {side for side in wanted if (kept(*side, store) / "told.json").exists()}
    else:
        there = _recorded(wanted, store)
    return [key for key, both in sides.items() if all(side in there for side in both)]


def _table(seeds: list[int], store: Path, kept_only: bool) -> int:
    """Network × trouble × found first × fixed silent × metric before and after × CPU seconds; 1 if one of them fails."""
    print("| network | trouble | found first | fixed silent | before | after | CPU seconds |")
    print("|---|---|---|---|---|---|---|")
    there = _available(seeds, store, kept_only)
    failed = len(there) < len(pairs()) * len(seeds) and not kept_only
    for pair in pairs():
        mine = [seed for one, seed in there if one == pair]
        if not mine:
            continue
        faulty, fixed = (
            [outcome(pair.script, arguments(pair, fixed=cured, seed=seed), store) for seed in mine] for cured in (False, True)
        )
        first = sum(side.loud[:1] == [pair.problem] for side in faulty)
        silent = sum(not side.loud for side in fixed)
        failed |= first < len(mine) or silent < len(mine)
        seconds = max(side.cpu_seconds for side in (*faulty, *fixed))
        before, after = (_told(sides[0]) for sides in (faulty, fixed))
        print(f"| {pair.network} | {pair.problem} | {first}/{len(mine)} | {silent}/{len(mine)} | {before} | {after} | {seconds:.0f} |")
    return int(failed)


def _told(side: Outcome) -> str:
    return f"{side.metric}; {side.cost}" if side.cost else side.metric


def _render(seed: int, store: Path, folder: Path, kept_only: bool) -> int:
    there = [pair for pair, _ in _available([seed], store, kept_only)]
    entries = [
        _gallery.Entry(pair, *(outcome(pair.script, arguments(pair, fixed=f, seed=seed), store) for f in (False, True)))
        for pair in there
    ]
    _gallery.write(entries, folder)
    print(f"{len(entries)} of {len(pairs())} pairs in {folder}")
    return int(len(entries) < len(pairs()))


if __name__ == "__main__":
    sys.exit(main())
