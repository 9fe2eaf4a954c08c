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
from demos._runs import ROOT, Command, Outcome, Pair, cured, faulty, kept, outcome, pairs, record, scripts, seeded
from demos._table import lines, rows

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
    sides = [outcome(pair.script, seeded(given, seed), store) for given in (faulty(pair), cured(pair)[0])]
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


def _recorded(wanted: list[tuple[Path, Command]], store: Path, kept_only: bool) -> set[tuple[Path, Command]]:
    """Record what is missing, two at a time, and tell what failed; returns what there is."""
    if kept_only:
        return {(script, given) for script, given in wanted if (kept(script, given, store) / "told.json").exists()}
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


def _table(seeds: list[int], store: Path, kept_only: bool) -> int:
    """Network × trouble × found first × fixed silent × metric before and after × CPU seconds; 1 if one of them fails."""
    wanted = list(rows())
    runs = {run for row in wanted for seed in seeds for run in row.runs(seed)}
    there = _recorded(sorted(runs), store, kept_only)
    print("| network | trouble | found first | fixed silent | before | after | CPU seconds |")
    print("|---|---|---|---|---|---|---|")
    failed = len(there) < len(runs) and not kept_only
    for line, good in lines(wanted, seeds, there, store):
        print(line)
        failed |= not good
    return int(failed)


def _render(seed: int, store: Path, folder: Path, kept_only: bool) -> int:
    sides = {pair: [(pair.script, seeded(given, seed)) for given in (faulty(pair), cured(pair)[0])] for pair in pairs()}
    alone = [(script, seeded((), seed)) for script in scripts()]
    there = _recorded([*alone, *(run for both in sides.values() for run in both)], store, kept_only)
    entries = [_gallery.Entry(pair, *(outcome(*run, store) for run in both)) for pair, both in sides.items() if there.issuperset(both)]
    networks = [_gallery.Network(run[0], outcome(*run, store)) for run in alone if run in there]
    _gallery.write(networks, entries, folder)
    print(f"{len(networks)} of {len(alone)} networks and {len(entries)} of {len(sides)} troubles in {folder}")
    return int(len(networks) < len(alone) or len(entries) < len(sides))


if __name__ == "__main__":
    sys.exit(main())
