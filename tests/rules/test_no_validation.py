import numpy as np
import pytest
from curve import along, noisy, training, validation
from made import findings

RULE = "no-validation"
LEARNT = noisy(0.69 * np.exp(-6 * along()))


def test_notes_epochs_without_a_look() -> None:
    (finding,) = findings(RULE, training(LEARNT))
    assert finding.severity == "note" and "in 20 epochs (1000 steps)" in finding.message


def test_two_passes_are_a_look() -> None:
    assert not findings(RULE, training(LEARNT, validation([0.7, 0.65])))
    assert findings(RULE, training(LEARNT, validation([0.7, 0.65], same_data=1.0)))


@pytest.mark.parametrize(("end", "loud"), [(0.05, False), (0.2, False), (0.5, True), (2.0, True)])
def test_warns_where_one_look_at_the_end_shows_the_harm(end: float, loud: bool) -> None:
    found = findings(RULE, training(LEARNT, validation([end])))
    assert [f.severity for f in found] == (["warning"] if loud else [])


def test_what_was_not_learnt_cannot_fail_to_carry_over() -> None:
    assert not findings(RULE, training(noisy(np.full(1000, 0.6)), validation([0.68])))


def test_unknown_epochs_unknown_kinds_and_few_steps_are_left_alone() -> None:
    assert not findings(RULE, training(LEARNT, epochs=0))
    assert not findings(RULE, training(LEARNT, kind="gan"))
    assert not findings(RULE, training(LEARNT, kind="unknown"))
    assert not findings(RULE, training(LEARNT[:90]))
