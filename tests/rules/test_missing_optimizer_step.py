"""missing-optimizer-step: gradients, and nobody who follows them."""

import pytest
from hand_built import evaluation, found, site, training

from diagnose.finding import Source
from diagnose.run import Event, Optimizer

RULE = "missing-optimizer-step"
SGD = Optimizer(0, "SGD", {"lr": 0.1}, Source("train.py", 8))


def prepared(**change):
    """A program that computed gradients, evaluated, and never stepped."""
    given = {"steps": 0, "optimizers": [SGD], "evaluations": [evaluation(loss=(2.3,))]} | change
    losses = given.pop("losses", [site("cross_entropy", "addmm")])
    return training(losses, **given)


def test_a_step_that_is_never_made_is_an_error_at_the_loss_that_asks_for_it() -> None:
    (finding,) = found(RULE, prepared())
    assert finding.severity == "error" and finding.places == ("SGD",)
    assert "SGD made 0 steps" in finding.message and finding.source == Source("train.py", 12)
    assert finding.fix is not None and finding.fix.code == "loss.backward()\noptimizer.step()"


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 1},
        {"evaluations": []},  # it may have failed before its first step
        {"losses": [site("cross_entropy", "addmm", role="evaluation")]},  # no backward
        {"optimizers": []},  # steps made by hand
        {"events": [Event("non-finite", None, None, {})]},
        {"numbers": {"skipped": [1.0]}},  # by a gradient scaler
    ],
    ids=lambda change: next(iter(change)),
)
def test_silent_where_a_step_was_made_or_not_due(change) -> None:
    assert not found(RULE, prepared(**change))
