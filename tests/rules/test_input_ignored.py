import pytest
from looked import exchanged, explanation, found

from diagnose.explanation import ExplainedInput

RULE = "input-ignored"
TWO = [ExplainedInput(f"net:{i}", "tabular", (4,), "float32", "the mean") for i in range(2)]


def second(change: float, loss: float = 0.3, **more: object):
    given = {"inputs": TWO, "loss": 0.3} | more
    return explanation(exchanged("shuffled", "net:0", 0.1, change=1.4), exchanged("shuffled", "net:1", 1.0, change=change, loss=loss), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("change", "loud"), [(0.0, True), (0.019, True), (0.021, False), (0.5, False)])
def test_speaks_where_the_outputs_stay(change: float, loud: bool) -> None:
    said = found(RULE, second(change))
    assert bool(said) is loud
    assert all(finding.places == ("net:1",) and finding.severity == "warning" for finding in said)


@pytest.mark.parametrize(("loss", "loud"), [(0.3, True), (0.329, True), (0.331, False), (2.0, False)])
def test_silent_where_the_loss_rises(loss: float, loud: bool) -> None:
    assert bool(found(RULE, second(0.01, loss))) is loud  # noise 0.01, three of them


def test_the_only_input_ignored_is_an_error() -> None:
    one = explanation(exchanged("shuffled", "net:0", 1.0, change=0.0, loss=0.3), inputs=TWO[:1])
    (finding,) = found(RULE, one)
    assert finding.severity == "error" and "only input" in finding.message


def test_silent_on_few_samples() -> None:
    assert not found(RULE, second(0.0, count=31)) and found(RULE, second(0.0, count=32))
