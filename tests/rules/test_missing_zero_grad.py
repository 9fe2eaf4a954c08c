import numpy as np
import pytest
from made import falling, findings, made

from diagnose.run import Optimizer

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
