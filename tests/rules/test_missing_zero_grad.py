import numpy as np
import pytest
from made import SITE, SNAPSHOTS, falling, findings, made, replace

from diagnose.run import LossSite, Optimizer, Training

RULE = "missing-zero-grad"


def uncleared(share: float, steps: int = 200) -> np.ndarray:
    values = np.zeros(steps)
    values[1:] = np.arange(1, steps) % 100 < 100 * share
    return values


@pytest.mark.parametrize(("share", "loud"), [(1.0, True), (0.6, True), (0.4, False), (0.0, False)])
def test_speaks_when_most_steps_begin_with_old_gradients(share: float, loud: bool) -> None:
    assert bool(findings(RULE, made({("uncleared", None): uncleared(share)}))) is loud


def test_is_an_error_even_where_the_loss_falls() -> None:
    (finding,) = findings(RULE, made({("uncleared", None): uncleared(1.0)}, loss=falling()))
    assert finding.severity == "error" and finding.fix and finding.fix.code == "optimizer.zero_grad()"
    assert finding.source and finding.source.line == 20 and "100%" in finding.message


def test_first_step_has_nothing_to_clear() -> None:
    values = np.zeros(200)
    values[0] = 1
    assert not findings(RULE, made({("uncleared", None): values}), share=0.0)


def test_a_program_that_clears_from_the_start_goes_on_to() -> None:
    values = np.ones(200)
    values[:20] = 0
    assert not findings(RULE, made({("uncleared", None): values}))


def test_names_the_optimizer_that_forgets() -> None:
    both = [Optimizer(0, "SGD"), Optimizer(1, "Adam")]
    turns = np.arange(200) % 2
    (finding,) = findings(
        RULE, made({("uncleared", None): turns.astype(float), ("optimizer", None): turns}, optimizers=both)
    )
    assert finding.places == ("Adam",)


def test_too_few_steps() -> None:
    few = made({("uncleared", None): np.ones(5)}, loss=np.ones(5))
    assert not findings(RULE, few)


# attacks

REAL = replace(SITE, id="real", function="cross_entropy", input_shape=(32, 4), target_shape=(32,), target_dtype="int64")
ATTACK = replace(REAL, id="attack", input_gradient=True, input_shape=(16, 4), target_shape=(16,))
RIGHT = np.array([8.0, 10.0, 6.0, 8.0])
AMONG, OTHERS = np.array([5.0, 4.0, 4.0, 3.0]), np.array([3.0, 3.0, 7.0, 3.0])  # of 16 labels each


def attacked(
    asked: object, accuracy: tuple[float, float] = (0.2, 0.95), attack: LossSite = ATTACK, real: LossSite = REAL
) -> Training:
    given = {
        ("class_count", "real"): np.tile(RIGHT, (SNAPSHOTS, 1)), ("class_count", "attack"): asked,
        ("loss_accuracy", "attack"): accuracy[0], ("loss_accuracy", "real"): accuracy[1],
        ("uncleared", None): uncleared(0.0),
    }  # fmt: skip
    return made(given, losses=[attack, real])


def labels(*, others: float) -> np.ndarray:
    """The attack's labels, in this share of the snapshots some that no sample has."""
    return np.array([OTHERS if i < others * SNAPSHOTS else AMONG for i in range(SNAPSHOTS)])


@pytest.mark.parametrize(("others", "loud"), [(0.0, False), (0.5, False), (0.6, True), (1.0, True)])
def test_an_attack_on_other_labels_whose_gradients_stay(others: float, loud: bool) -> None:
    found = findings(RULE, attacked(labels(others=others)))
    assert bool(found) is loud
    if loud:
        assert found[0].places == ("attack",) and found[0].fix and "autograd.grad" in (found[0].fix.code or "")


@pytest.mark.parametrize(("right", "learnt", "loud"), [(0.2, 0.95, True), (0.6, 0.95, False), (0.2, 0.6, False)])
def test_right_labels_of_other_samples_are_answered_like_the_others(right: float, learnt: float, loud: bool) -> None:
    """FreeLB (Zhu et al. 2020) on a part of the batch, and the plain loss on the rest; or nothing has been learnt yet."""
    assert bool(findings(RULE, attacked(labels(others=1.0), accuracy=(right, learnt)))) is loud


def test_two_losses_without_an_inputs_gradient_are_two_tasks() -> None:
    assert not findings(RULE, attacked(labels(others=1.0), attack=replace(ATTACK, input_gradient=False)))
    assert not findings(RULE, attacked(labels(others=1.0), real=replace(REAL, input_gradient=True)))


def test_a_pattern_that_is_to_be_taken_for_one_class_is_learnt_on_purpose() -> None:
    assert not findings(RULE, attacked(np.tile([0.0, 16.0, 0.0, 0.0], (SNAPSHOTS, 1))))
    assert not findings(RULE, attacked(labels(others=1.0), accuracy=(0.9, 0.95)))


def test_labels_of_which_only_some_were_counted_tell_nothing() -> None:
    assert not findings(RULE, attacked(labels(others=1.0), real=replace(REAL, input_shape=(64, 4))))


def test_soft_targets_are_no_labels() -> None:
    assert not findings(RULE, attacked(labels(others=1.0), real=replace(REAL, target_dtype="float32")))
