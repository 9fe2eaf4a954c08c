import numpy as np
import pytest
from curve import along, noisy, training, validation
from made import SITE, findings, mlp, replace

from diagnose.run import Layer

RULE = "suspicious-validation"
LOSS = noisy(0.5 * np.exp(-along()) + 0.1)
PASSES = (0.5 * np.exp(-along()) + 0.1)[49::50]


@pytest.mark.parametrize(("ratio", "loud"), [(1.0, False), (0.8, False), (0.5, True), (0.0, True)])
def test_speaks_well_below_the_training_loss(ratio: float, loud: bool) -> None:
    assert bool(findings(RULE, training(LOSS, validation(ratio * PASSES)))) is loud


def test_is_a_note_with_numbers() -> None:
    (finding,) = findings(RULE, training(LOSS, validation(0.5 * PASSES)))
    assert (
        finding.severity == "note" and "0.50 of the training loss" in finding.message and "20 of 20" in finding.message
    )


@pytest.mark.parametrize(("kind", "role"), [("Dropout", "dropout"), ("BatchNorm1d", "normalization")])
def test_layers_that_work_differently_in_training_explain_it(kind: str, role: str) -> None:
    layers, _ = mlp()
    layers.append(Layer("net.extra", kind, role, shape=(32, 8)))
    assert not findings(RULE, training(LOSS, validation(0.5 * PASSES), layers=layers))


def test_a_loss_that_falls_within_an_epoch_is_held_against_its_neighbourhood() -> None:
    fast = 0.69 * np.exp(-8 * along())
    assert not findings(RULE, training(noisy(fast), validation(fast[49::50])))


def test_a_small_set_may_be_lucky() -> None:
    assert not findings(RULE, training(LOSS, validation(0.5 * PASSES, noise=0.3)))


def test_other_functions_are_not_compared() -> None:
    site = replace(SITE, function="mse_loss", role="evaluation")
    assert not findings(RULE, training(LOSS, validation(0.5 * PASSES, site=site)))
    summed = replace(SITE, arguments={"reduction": "sum"})
    assert not findings(
        RULE, training(LOSS, validation(0.5 * PASSES, site=replace(summed, role="evaluation")), losses=[summed])
    )


def test_few_passes_tell_nothing() -> None:
    assert not findings(RULE, training(LOSS, validation(0.5 * PASSES[:3])))


FOREIGN = replace(SITE, id="ce@train.py:40", function="cross_entropy", input_shape=(32, 4), target_shape=(32,))
CONSTANT = np.log(4)


@pytest.mark.parametrize(
    ("lowest", "right", "trained", "loud"),
    [
        (2.0, 0.0, 0.3, True),
        (2.0, 0.2, 0.3, False),  # no worse than guessing: learnt by heart
        (1.9, 0.0, 0.3, False),  # within 1.5 of the constant's loss
        (2.0, 0.0, 0.9, False),  # the network has not learnt either
        (10.1, 0.25, 0.3, True),  # so far from a constant's loss that it was never alike
        (9.9, 0.25, 0.3, False),
    ],
)
def test_a_set_of_another_kind_is_worse_than_guessing_from_the_start(
    lowest: float, right: float, trained: float, loud: bool
) -> None:
    loss = noisy(CONSTANT * (trained + (1 - trained) * np.exp(-9 * along())))
    held = validation(
        lowest * CONSTANT * np.linspace(1, 1.4, 12) / (4 / 3 if lowest == 1.9 else 1), accuracy=np.full(12, right),
        site=replace(FOREIGN, id="ce@train.py:50", role="evaluation"),
    )  # fmt: skip
    given = {("class_count", FOREIGN.id): np.full((40, 4), 8.0)}
    found = findings(RULE, training(loss, held, losses=[FOREIGN], given=given, kind="classification"))
    assert [f.severity for f in found] == (["warning"] if loud else [])
