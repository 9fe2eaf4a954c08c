import pytest
from looked import FEATURE, TABLE, exchanged, explanation, found

from diagnose.explanation import ExplainedInput

RULE = "label-leak"


def column(lost: float, kept: float, *, accuracy: float = 0.98, **change: object):
    """A network that is right so often, without the column and with nothing else."""
    told = {"feature": 3, "counter": False}
    both = [exchanged(what, FEATURE, left, best=accuracy, **told) for what, left in (("shuffled", 1 - lost), ("alone", kept))]
    given = {"inputs": [TABLE], "accuracy": accuracy} | change
    return explanation(*both, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lost", "kept", "loud"), [(1.0, 1.0, True), (0.72, 0.92, True), (0.68, 1.0, False), (1.0, 0.88, False), (0.1, 0.3, False)]
)
def test_speaks_of_a_column_that_suffices(lost: float, kept: float, loud: bool) -> None:
    assert bool(found(RULE, column(lost, kept))) is loud


@pytest.mark.parametrize(("itself", "change", "loud"), [(1.0, 0.5, True), (0.985, 0.11, True), (0.975, 0.5, False), (1.0, 0.09, False)])
def test_speaks_of_a_column_that_tells_by_itself(itself: float, change: float, loud: bool) -> None:
    told = {"feature": 3, "counter": False, "by_itself": itself, "change": change, "best": 0.98}
    both = [exchanged("shuffled", FEATURE, 0.9, **told), exchanged("alone", FEATURE, 0.1, **told)]
    said = found(RULE, explanation(*both, inputs=[TABLE], accuracy=0.98))
    assert bool(said) is loud and all("neighbours" in finding.message for finding in said)


def test_silent_where_the_network_is_not_nearly_always_right() -> None:
    assert not found(RULE, column(0.95, 1.0, accuracy=0.9))  # 0.89 of what there is to learn, limit 0.9
    assert found(RULE, column(0.95, 1.0, accuracy=0.92))


def test_two_columns_are_no_table() -> None:
    small = ExplainedInput("net:0", "tabular", (2,), "float32", "the mean")
    assert not found(RULE, column(0.95, 0.99, inputs=[small]))


def test_names_the_column() -> None:
    (finding,) = found(RULE, column(0.95, 0.99))
    assert finding.severity == "error" and finding.places == (FEATURE,) and "f3" in finding.message
