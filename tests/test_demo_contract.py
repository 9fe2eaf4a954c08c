"""Every reference network under `diagnose run`: the trouble it shows is named first, its cures and the healthy one are silent.

One seed and one cure of each trouble here; `make demos` runs three seeds, every cure, and every data set. A run is recorded
once, two at a time, and kept in pytest's cache for as long as the demo and what records it stay the same; the rules judge
the stored runs anew each time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from demos._runs import Command, Outcome, cured, faulty, healthy, kept, outcome, pairs, scripts, seeded

SEEDS = [int(seed) for seed in os.environ.get("DEMO_SEEDS", "0").split(",")]
MOST = None if "DEMO_SEEDS" in os.environ else 1  # cures of a trouble, data of a healthy network

Recorded = Callable[[Path, Command], Outcome]


@pytest.fixture(scope="session")
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """A demo's run, which ended well, warned of nothing, and told its result beside its baselines."""
    store = request.config.cache.mkdir("demos")
    items = [item for item in request.session.items if item.path == Path(__file__) and hasattr(item, "callspec")]
    wanted = [(item.callspec.params["demo"], item.callspec.params["arguments"]) for item in items]
    with ThreadPoolExecutor(2) as pool:
        runs: dict[tuple[Path, Command], Future[Outcome]] = {run: pool.submit(outcome, *run, store) for run in wanted}

        def told(demo: Path, arguments: Command) -> Outcome:
            one = runs[demo, arguments].result()
            said = (one.folder / "stderr").read_text().splitlines()
            assert one.result and one.baselines and not [line for line in said if not line.startswith("diagnose: ")]
            return one

        yield told
        pool.shutdown(cancel_futures=True)
    offered = [(demo, given) for demo in scripts() for given in healthy(demo)]
    offered += [(pair.script, given) for pair in pairs() for given in (faulty(pair), *cured(pair))]
    known = {kept(demo, seeded(given, seed), store).name for demo, given in offered for seed in (0, 1, 2)}
    for path in store.iterdir():
        if path.name not in known:
            shutil.rmtree(path)


def each(offered: list[tuple[Path, Command]]) -> pytest.MarkDecorator:
    """One test for each of these, with each seed."""
    return pytest.mark.parametrize(("demo", "arguments"), [
        pytest.param(demo, seeded(given, seed), id=" ".join([demo.stem, *seeded(given, seed)]))
        for demo, given in offered for seed in SEEDS
    ])  # fmt: skip


@pytest.mark.timeout(900)  # while the others before it are recorded
@each([(pair.script, faulty(pair)) for pair in pairs()])
def test_the_trouble_is_named_first(demo: Path, arguments: Command, recorded: Recorded) -> None:
    found = recorded(demo, arguments).loud
    assert found[:1] == [arguments[1]], found


@pytest.mark.timeout(900)
@each([(pair.script, given) for pair in pairs() for given in cured(pair)[:MOST]])
def test_the_cure_is_silent(demo: Path, arguments: Command, recorded: Recorded) -> None:
    assert not recorded(demo, arguments).loud


@pytest.mark.timeout(900)
@each([(demo, given) for demo in scripts() for given in healthy(demo)[:MOST]])
def test_the_healthy_network_is_silent(demo: Path, arguments: Command, recorded: Recorded) -> None:
    assert not recorded(demo, arguments).loud
