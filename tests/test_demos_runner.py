"""`python -m demos`: what it lists, what it records once, and the gallery it renders from that."""

import subprocess
import sys
from pathlib import Path

import pytest

from demos._gallery import Entry, Network, marked, write
from demos._runs import ROOT, Pair, cured, faulty, kept, outcome, pairs, record, scripts, seeded

TINY = '''
import sys, torch
PROBLEMS = {"exploding-gradients": ("a large <rate>", "a small one")}
rate = 0.1 if "--fixed" in sys.argv else 10.0
torch.manual_seed(int(sys.argv[sys.argv.index("--seed") + 1]))
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=rate)  # FAULT: as "exploding-gradients" has it
for step in range(40):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(torch.randn(8, 3)), torch.zeros(8, 1))
    loss.backward()
    optimizer.step()
print(f"network: loss {loss.item():.3f} & more")
print("baselines: none 1.000")
'''


def told(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "demos", *words], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    script = folder / "tiny.py"
    script.write_text(TINY)
    return Pair(script, "exploding-gradients", "a large <rate>", "a small one"), folder / "store"


def test_lists_every_trouble_on_a_line() -> None:
    lines = told().stdout.splitlines()
    assert [tuple(line.split()[:2]) for line in lines] == [(pair.network, pair.problem) for pair in pairs()]
    assert {pair.network for pair in pairs()} == {script.stem for script in scripts()}


@pytest.mark.parametrize("words", [["no-such-network"], ["feedforward", "no-such-trouble"], ["table", "feedforward"]], ids=" ".join)
def test_what_it_does_not_know_is_told_what_it_does(words: list[str]) -> None:
    ended = told(*words)
    assert ended.returncode == 2
    assert "expected" in ended.stderr.splitlines()[-1]


def test_a_run_is_recorded_once_for_one_content(tiny: tuple[Pair, Path]) -> None:
    pair, store = tiny
    given = seeded(cured(pair)[0], 1)
    place = record(pair.script, given, store)
    before = (place / "told.json").stat().st_mtime_ns
    assert record(pair.script, given, store) == place == kept(pair.script, given, store)
    assert (place / "told.json").stat().st_mtime_ns == before
    assert kept(pair.script, seeded(cured(pair)[0], 2), store) != place
    pair.script.write_text(TINY + "# changed\n")
    assert kept(pair.script, given, store) != place
    pair.script.write_text(TINY)


def test_an_outcome_holds_what_the_demo_says_and_what_was_found(tiny: tuple[Pair, Path]) -> None:
    pair, store = tiny
    fixed = outcome(pair.script, seeded(cured(pair)[0], 1), store)
    assert fixed.metric.startswith("loss 0.") and fixed.baselines == "none 1.000" and fixed.cpu_seconds > 0
    wrong = outcome(pair.script, seeded(faulty(pair), 1), store)
    assert wrong.loud and wrong.diagnosis.run.trainings[0].steps == 40


def test_a_demo_that_fails_is_one_line(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit('expected a package, found none')")
    with pytest.raises(RuntimeError, match=r"broken.py --seed 0 ended with status 1: expected a package, found none"):
        record(script, ("--seed", "0"), tmp_path / "store")


def test_the_gallery_needs_nothing_else_and_is_the_same_each_time(tiny: tuple[Pair, Path], tmp_path: Path) -> None:
    pair, store = tiny
    entry = Entry(pair, *(outcome(pair.script, seeded(given, 1), store) for given in (faulty(pair), cured(pair)[0])))
    network = Network(pair.script, outcome(pair.script, seeded(cured(pair)[0], 1), store))
    write([network], [entry], tmp_path / "one")
    write([network], [entry], tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(["index.html", "style.css", "report.css", "tiny.html", "tiny.png", f"{entry.name}.html", f"{entry.name}.png"])
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)
    index, page = ((tmp_path / "one" / name).read_text() for name in ("index.html", f"{entry.name}.html"))
    assert f'href="{entry.name}.html"' in index and entry.verdict in index
    assert "a large &lt;rate&gt;" in page and "&amp; more" in page and "://" not in index + page
    assert entry.faulty.loud[0] in page and "# FAULT" in page and "--explain" not in page
    alone = (tmp_path / "one" / "tiny.html").read_text()
    assert 'href="tiny.html"' in index and network.run.result in alone.replace("&amp;", "&") and "://" not in alone


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: f"{pair.network}-{pair.problem}")
def test_the_gallery_shows_the_line_of_the_fault(pair: Pair) -> None:
    assert marked(pair).count("# FAULT: ") == 1
