"""repeated-evaluation: the share of the time that goes into evaluating, and how often."""

import numpy as np
import pytest
from hand_built import evaluation, found, site, training

RULE = "repeated-evaluation"


LOSS = site("cross_entropy", "addmm")


def judged(share, passes, epochs=(), each=0.1, rows=32.0, losses=LOSS):
    numbers = {"seconds": np.full(400, each), "evaluation_seconds": np.full(400, each * share), "samples": rows}
    return found(RULE, training(losses, numbers, evaluations=[evaluation(loss=[1.0] * passes)], epochs=epochs))


def test_evaluating_at_every_step_is_a_warning() -> None:
    (finding,) = judged(0.8, 400)
    assert (
        finding.severity == "warning"
        and "80% of the time" in finding.message
        and "one every 1 steps" in finding.message
    )
    assert finding.fix is not None and finding.fix.code == "if step % 36 == 0:"


@pytest.mark.parametrize(("share", "speaks"), [(0.2, False), (0.29, False), (0.31, True)])
def test_three_tenths_of_the_time_are_the_limit_within_epochs(share, speaks) -> None:
    assert bool(judged(share, 400)) is speaks


@pytest.mark.parametrize(("share", "speaks"), [(0.31, False), (0.49, False), (0.51, True)])
def test_half_of_it_once_an_epoch(share, speaks) -> None:
    assert bool(judged(share, 40, range(0, 400, 10))) is speaks


def test_once_an_epoch_is_a_note() -> None:
    assert judged(0.8, 40, range(0, 400, 10))[0].severity == "note"
    assert judged(0.8, 200, range(0, 400, 10))[0].severity == "warning"


def test_few_passes_and_short_times_are_fine() -> None:
    assert not judged(0.8, 19)
    assert not judged(0.8, 400, each=0.003)


@pytest.mark.parametrize(("rows", "speaks"), [(249.0, True), (250.0, False), (500.0, False)])
def test_a_table_that_is_trained_on_whole_is_evaluated_at_each_step(rows, speaks) -> None:
    assert bool(judged(0.6, 400, rows=rows)) is speaks  # 500 samples in a pass


def test_a_training_made_of_evaluations_is_left_alone() -> None:
    assert not judged(0.9, 400, losses=())
