import numpy as np
import pytest
from made import SNAPSHOTS, falling, findings, made, replace

from diagnose.run import Edge, Layer, Parameter

RULE = "short-memory"
RNN = Layer(
    "net.rnn",
    "RNN",
    "recurrent",
    input_shape=(32, 100, 4),
    settings={"input_size": 4, "hidden_size": 16, "batch_first": True},
)


def fading(factor: float, length: int = 40, layer: Layer = RNN, **change: object):
    """Each step back in time passes on `factor` of the gradient."""
    row = factor ** np.arange(length - 1, -1, -1.0)
    return made({("through_time", "net.rnn"): np.tile(row, (SNAPSHOTS, 1))}, layers=[layer], **change)


@pytest.mark.parametrize(("factor", "loud"), [(0.7, True), (0.75, True), (0.8, False), (1.0, False), (1.2, False)])
def test_speaks_under_one_in_ten_thousand(factor: float, loud: bool) -> None:
    assert bool(findings(RULE, fading(factor))) is loud  # the middle of the first quarter: factor ** 34.5


def test_silent_while_the_loss_falls() -> None:
    assert not findings(RULE, fading(0.5, loss=falling()))


def test_short_sequences_need_no_memory() -> None:
    assert not findings(RULE, fading(0.01, length=7))


def test_names_reach_and_cure() -> None:
    (finding,) = findings(RULE, fading(0.5))
    assert finding.places == ("net.rnn",) and "100 inputs" in finding.message
    assert finding.fix and finding.fix.code == "nn.LSTM(4, 16, batch_first=True)"
    assert "about 14 of 40" in finding.fix.text  # 0.5 ** 13 is the last above 1e-4


def test_gated_layers_get_another_advice() -> None:
    gated = Layer("net.rnn", "LSTM", "recurrent", input_shape=(100, 32, 4))
    (finding,) = findings(RULE, fading(0.5, layer=gated))
    assert finding.fix and "forget gate" in finding.fix.text and "100 inputs" in finding.message


CELLS = [Layer("net.cell" + (f"#{i}" if i > 1 else ""), "GRUCell", "recurrent", shape=(32, 16)) for i in range(1, 5)]
CUT = [Edge("input", "net.cell#4"), Edge("net.cell#4", "bce@train.py:30")]


@pytest.mark.parametrize(
    ("edges", "loss", "role", "loud"),
    [
        (CUT, None, "recurrent", True),
        ([*CUT, Edge("net.cell#3", "net.cell#4")], None, "recurrent", False),
        (CUT, falling(), "recurrent", False),
        (CUT, None, "linear", False),  # a shared layer for each of several inputs
        (CUT[:1], None, "recurrent", False),  # not even the last is known to be used
    ],
)
def test_a_state_that_is_detached_at_each_time_is_told(edges, loss, role, loud: bool) -> None:
    layers = [replace(cell, role=role) for cell in CELLS]
    found = findings(RULE, made({("output_gradient_norm", "net.cell#4"): 0.2}, layers=layers, edges=edges, loss=loss))
    assert [f.places for f in found] == ([("net.cell",)] if loud else [])
    assert not found or "detach()" in found[0].fix.text


def test_sequences_of_one_step_have_nothing_to_be_remembered() -> None:
    single = Layer("net.rnn", "LSTM", "recurrent", input_shape=(32, 1, 4), settings={"batch_first": True, "hidden_size": 16})
    (finding,) = findings(RULE, made(layers=[single]))
    assert finding.severity == "warning" and "(32, 1, 4)" in finding.message
    assert not findings(RULE, made(layers=[single], loss=falling()))
    assert not findings(RULE, made(layers=[replace(single, settings={})]))  # time first: one sequence of 32
    assert not findings(RULE, made(layers=[single, replace(single, path="net.rnn#2")]))  # called step by step


@pytest.mark.parametrize(("steps", "state", "loss", "loud"), [
    (5, 0.3, None, True), (19, 0.3, None, True), (20, 0.3, None, False), (5, 0.0, None, False), (5, 0.3, falling(), False),
])  # fmt: skip
def test_windows_between_which_a_state_is_handed_on_without_its_gradient(steps: int, state: float, loss, loud: bool) -> None:
    layer = Layer("net.rnn", "LSTM", "recurrent", input_shape=(32, steps, 4), settings={"batch_first": True, "hidden_size": 16})
    found = findings(RULE, made({("state_handed_on", "net.rnn"): [0.0] + [state] * (SNAPSHOTS - 1)}, layers=[layer], loss=loss))
    assert [f.severity for f in found] == (["warning"] if loud else [])
    assert not found or f"and {steps} steps" in found[0].message


@pytest.mark.parametrize(
    ("kind", "state", "calls", "loss", "loud"),
    [
        ("GRUCell", 0.0, 4, None, True), ("LSTM", 0.0, 4, None, True), ("GRUCell", 0.01, 4, None, False),
        ("GRUCell", 0.0, 1, None, False), ("GRUCell", 0.0, 4, falling(), False),
    ],
)  # fmt: skip
def test_a_cell_that_begins_from_zeros_at_each_call(kind: str, state: float, calls: int, loss, loud: bool) -> None:
    """The weights of a state that is always zero have no gradient; of one that is called once nothing is asked."""
    end = "" if kind.endswith("Cell") else "_l0"
    names = [f"net.cell.{name}{end}" for name in ("weight_ih", "weight_hh")]
    held = [Parameter(name, "net.cell", (48, 16), 768) for name in names]
    layers = [replace(cell, type=kind, parameters=tuple(names)) for cell in CELLS[:calls]]
    numbers = {("gradient_norm", names[0]): 0.2, ("gradient_norm", names[1]): state}
    found = findings(RULE, made(numbers, layers=layers, parameters=held, loss=loss))
    assert [f.places for f in found] == ([("net.cell",)] if loud else [])
    assert not found or "from zeros each time" in found[0].message


@pytest.mark.parametrize(("present", "loud"), [(1.0, True), (0.0, False)])
def test_a_layer_that_no_gradient_comes_to_has_another_trouble(present: float, loud: bool) -> None:
    held = Parameter("net.rnn.weight_hh_l0", "net.rnn", (16, 16), 256)
    row = np.tile(0.5 ** np.arange(39, -1, -1.0), (SNAPSHOTS, 1))
    numbers = {("through_time", "net.rnn"): row, ("gradient_present", held.path): present}
    given = made(numbers, layers=[replace(RNN, parameters=(held.path,))], parameters=[held])
    assert bool(findings(RULE, given)) is loud
