"""tiny-batches: few samples a step, and whether the loss jumps for it."""

import numpy as np
import pytest
from hand_built import found, layer, site, training

RULE = "tiny-batches"
LOSS = site("cross_entropy", "addmm", input_shape=(1, 10), target_shape=(1,))
JUMPING = np.tile([0.2, 4.0], 200)


def judged(samples, loss=LOSS, values=JUMPING, **change):
    return found(
        RULE,
        training(loss, {"samples": np.full(400, float(samples)), "loss": values, "training_loss": values}, **change),
    )


def test_a_jumping_loss_that_stays_high_is_a_warning() -> None:
    (finding,) = judged(1)
    assert finding.severity == "warning" and "batches of 1 samples" in finding.message


def test_one_that_is_learnt_is_a_note() -> None:
    (finding,) = judged(1, values=np.tile([0.01, 0.02], 200))
    assert finding.severity == "note"


@pytest.mark.parametrize(("steps", "severity"), [(1999, "note"), (2000, "warning")])
def test_thousands_of_single_samples_are_a_warning_however_well_they_are_learnt(steps, severity) -> None:
    values = np.full(steps, 0.01)
    numbers = {"samples": np.ones(steps), "loss": values, "training_loss": values}
    (finding,) = found(RULE, training(LOSS, numbers, steps=steps))
    assert finding.severity == severity


@pytest.mark.parametrize(("samples", "speaks"), [(1, True), (4, True), (5, False), (32, False)])
def test_four_samples_are_the_limit(samples, speaks) -> None:
    assert bool(judged(samples)) is speaks


def test_dense_targets_and_other_kinds_are_left_alone() -> None:
    pixels = site("cross_entropy", "convolution", input_shape=(1, 2, 64, 64), target_shape=(1, 64, 64))
    assert not judged(1, pixels)
    tagged = site("cross_entropy", "addmm", input_shape=(40, 10), target_shape=(40,))
    assert not judged(1, tagged, layers=[layer("net.rnn", "recurrent", "LSTM")])  # a label for each symbol
    assert judged(1, layers=[layer("net.rnn", "recurrent", "LSTM")])  # one for the whole sequence
    for kind in ("reinforcement", "language", "gan"):
        assert not judged(1, kind=kind)


@pytest.mark.parametrize(("work", "steps", "speaks"), [(2e6, 2400, True), (2e7, 2400, False), (2e6, 400, False)])
def test_single_samples_with_dense_targets_where_a_step_does_next_to_nothing(work, steps, speaks) -> None:
    pixels = site("cross_entropy", "convolution", input_shape=(1, 2, 16, 16), target_shape=(1, 16, 16))
    numbers = {"samples": 1.0, "loss": np.full(steps, 0.3), "forward_flops": work, "backward_flops": 2 * work}
    assert bool(found(RULE, training(pixels, numbers, steps=steps, kind="segmentation"))) is speaks


@pytest.mark.parametrize(("size", "steps", "work", "severity"), [
    (2, 4000, 1e5, "warning"), (2, 3999, 1e5, "note"), (4, 8000, 1e5, "warning"), (4, 8000, 1e8, "note"),
])  # fmt: skip
def test_thousands_of_cheap_steps_on_a_few_samples(size, steps, work, severity) -> None:
    values = np.full(steps, 0.01)
    numbers = {"samples": np.full(steps, float(size)), "loss": values, "training_loss": values,
               "forward_flops": work, "backward_flops": 2 * work}  # fmt: skip
    (finding,) = found(RULE, training(LOSS, numbers, steps=steps))
    assert finding.severity == severity


@pytest.mark.parametrize(("again", "epochs", "severity"), [
    (0.0, (), "note"), (0.3, (), "warning"), (0.0, (0, 200), "warning"), (None, (), "warning"),
])  # fmt: skip
def test_a_stream_has_no_epochs_to_be_shortened(again, epochs, severity) -> None:
    facts = {} if again is None else {"train_again": again}
    (finding,) = judged(1, facts=facts, epochs=epochs)
    assert finding.severity == severity


@pytest.mark.parametrize(("target", "steps", "speaks"), [((1, 6, 2), 2400, True), ((1, 8, 2), 2400, False), ((1, 6, 2), 400, False)])
def test_single_sequences_with_several_targets_that_are_not_their_symbols(target, steps, speaks) -> None:
    forecast = site("mse_loss", "addmm", input_shape=target, target_shape=target)
    given = {"samples": 1.0, "loss": np.full(steps, 0.3), "forward_flops": 1e5, "backward_flops": 2e5}
    layers = [layer("net.rnn", "recurrent", "LSTM", shape=(1, 8, 32))]
    assert bool(found(RULE, training(forecast, given, steps=steps, layers=layers, kind="regression"))) is speaks
