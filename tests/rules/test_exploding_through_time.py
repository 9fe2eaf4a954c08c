import numpy as np
import pytest
from made import SNAPSHOTS, falling, findings, flat, made

from diagnose.run import Layer

RULE = "exploding-through-time"


def growing(factor: float, loss: np.ndarray | None = None, length: int = 40):
    row = factor ** np.arange(length - 1, -1, -1.0)
    layer = Layer("net.rnn", "RNN", "recurrent", input_shape=(32, 40, 4))
    given = {("through_time", "net.rnn"): np.tile(row, (SNAPSHOTS, 1)), ("clip_norm", None): np.linspace(0, 10, 200)}
    return made(given, layers=[layer], loss=loss)


@pytest.mark.parametrize(("factor", "loud"), [(1.1, False), (1.19, False), (1.2, True), (2.0, True)])
def test_speaks_above_a_thousand(factor: float, loud: bool) -> None:
    assert bool(findings(RULE, growing(factor, flat() * np.linspace(1, 5, 200)))) is loud  # factor ** 39


def test_silent_while_the_loss_falls() -> None:
    assert not findings(RULE, growing(2.0, falling()))


@pytest.mark.parametrize(("times", "loud"), [(1e2, False), (1e4, True)])
def test_a_recurrence_written_by_hand(times: float, loud: bool) -> None:
    """A layer that is called again and again: the last entry holds all later calls."""
    cell = Layer("net.cell", "Linear", "linear", shape=(32, 8), parameters=("net.cell.weight",), network="net")
    places = ("net.cell", "net.cell#2", "net.cell#3", "net.cell#4")
    given = {("output_gradient_norm", p): times ** (1 - i / 3) for i, p in enumerate(places)}
    assert bool(findings(RULE, made(given, layers=[cell]))) is loud
    assert not findings(RULE, made(dict(list(given.items())[:3]), layers=[cell]))  # three calls are no recurrence


def test_clip_value_is_the_runs_own() -> None:
    (finding,) = findings(RULE, growing(2.0))
    assert finding.fix and finding.fix.code == "torch.nn.utils.clip_grad_norm_(model.parameters(), 9)"


def test_one_snapshot_is_enough_where_the_loss_was_lost() -> None:
    """Nothing can be measured after it."""
    rows = np.full((SNAPSHOTS, 40), np.nan)
    rows[0], rows[1] = 1.0, 2.0 ** np.arange(39, -1, -1.0)
    layer = Layer("net.rnn", "RNN", "recurrent", input_shape=(32, 40, 4))
    given = {("through_time", "net.rnn"): rows}
    lost = np.concatenate([flat()[:15], np.full(185, np.nan)])
    (finding,) = findings(RULE, made(given, layers=[layer], loss=lost))
    assert finding.fix and finding.fix.code == "torch.nn.utils.clip_grad_norm_(model.parameters(), 1)"
    assert not findings(RULE, made(given, layers=[layer], loss=flat()))  # one in twenty
