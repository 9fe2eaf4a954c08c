import pytest
from looked import CORNER, FEATURE, MOVING, PADDING, TABLE, TEXT, exchanged, explanation, found

RULE = "shortcut-feature"


def corner(lost: float, kept: float, **details: object):
    where = {"border": True, "corner": True} | details
    return explanation(exchanged("shuffled", CORNER, 1 - lost, **where), exchanged("alone", CORNER, kept, **where))


@pytest.mark.parametrize(
    ("lost", "kept", "loud"),
    [(0.95, 0.9, True), (0.52, 0.27, True), (0.48, 0.9, False), (0.9, 0.23, False), (0.3, 0.05, False), (0.0, 0.0, False)],
)
def test_speaks_of_a_place_that_is_needed_and_suffices(lost: float, kept: float, loud: bool) -> None:
    assert bool(found(RULE, corner(lost, kept))) is loud


def test_the_limits_can_be_moved() -> None:
    assert found(RULE, corner(0.3, 0.3), lost=0.25, kept=0.25) and not found(RULE, corner(0.9, 0.9), lost=0.95)


def test_inside_of_the_image_it_may_be_the_object() -> None:
    (outside,), (inside,) = found(RULE, corner(0.9, 0.9)), found(RULE, corner(0.9, 0.9, border=False, corner=False))
    assert (outside.severity, inside.severity) == ("error", "warning") and inside.confidence < outside.confidence
    assert "in a corner" in outside.message and "90%" in outside.message


@pytest.mark.parametrize("counter", [True, False])
def test_a_column_that_counts_the_rows(counter: bool) -> None:
    both = [exchanged(what, FEATURE, left, feature=3, counter=counter) for what, left in (("shuffled", 0.1), ("alone", 0.95))]
    said = found(RULE, explanation(*both, inputs=[TABLE]))
    assert bool(said) is counter
    assert all("f3" in finding.message and "column 3" in finding.fix.text for finding in said if finding.fix)


@pytest.mark.parametrize(("itself", "change", "loud"), [(1.0, 0.5, True), (0.91, 0.11, True), (0.89, 0.5, False), (1.0, 0.09, False)])
def test_a_counter_that_is_used_among_others(itself: float, change: float, loud: bool) -> None:
    told = {"feature": 3, "counter": True, "by_itself": itself, "change": change}
    both = [exchanged("shuffled", FEATURE, 0.8, **told), exchanged("alone", FEATURE, 0.1, **told)]
    said = found(RULE, explanation(*both, inputs=[TABLE]))
    assert bool(said) is loud and all("neighbours" in finding.message for finding in said)


@pytest.mark.parametrize(
    ("left", "kept", "loud"),
    [(0.2, 0.9, True), (0.48, 0.27, True), (0.52, 0.9, False), (1.0, 1.0, False), (0.2, 0.23, False), (0.0, 0.0, False)],
)
def test_padding_that_decides_and_suffices(left: float, kept: float, loud: bool) -> None:
    both = exchanged("shuffled", PADDING, left), exchanged("alone", PADDING, kept)
    assert bool(found(RULE, explanation(*both, inputs=[TEXT]))) is loud


@pytest.mark.parametrize(("lost", "kept", "loud"), [(0.95, 0.9, True), (0.52, 0.27, True), (0.48, 0.9, False), (0.9, 0.23, False)])
def test_a_mark_that_moves_may_be_the_object(lost: float, kept: float, loud: bool) -> None:
    moved = {"moving": True, "height": 7, "width": 7}
    said = found(RULE, explanation(exchanged("shuffled", MOVING, 1 - lost, **moved), exchanged("alone", MOVING, kept, **moved)))
    assert bool(said) is loud
    assert all(finding.severity == "warning" and "7 by 7 pixels, at another place in each" in finding.message for finding in said)


def test_of_one_input_the_strongest_place_is_named_and_one_that_stays_first() -> None:
    still, moved = {"border": True, "corner": True}, {"moving": True, "height": 7, "width": 7}
    both = exchanged("shuffled", CORNER, 0.3, **still), exchanged("alone", CORNER, 0.5, **still)
    more = exchanged("shuffled", MOVING, 0.0, **moved), exchanged("alone", MOVING, 1.0, **moved)
    (finding,) = found(RULE, explanation(*both, *more))
    assert finding.places == (CORNER,)


def test_silent_without_classes_and_chance() -> None:
    nan = float("nan")
    assert not found(RULE, explanation(exchanged("shuffled", CORNER, 0.0, border=True), chance=nan, chance_accuracy=nan))
