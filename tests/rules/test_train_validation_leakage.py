"""train-validation-leakage: evaluation samples that were trained on."""

from dataclasses import replace

import numpy as np
import pytest
from hand_built import evaluation, found, line, site, training

RULE = "train-validation-leakage"
REAL = {"input_integer_share": 0.0}


def test_shared_samples_are_an_error_with_their_number() -> None:
    (finding,) = found(RULE, training(evaluations=[evaluation(same_data=0.75)], inputs=REAL))
    assert finding.severity == "error" and "75%" in finding.message and "375 of 500" in finding.message


@pytest.mark.parametrize(
    ("same", "severity"),
    [(0.0, None), (0.099, None), (0.11, "warning"), (0.29, "warning"), (0.31, "error"), (0.98, "error")],
)
def test_the_limits(same, severity) -> None:
    findings = found(RULE, training(evaluations=[evaluation("score", same_data=same)], inputs=REAL))
    assert [f.severity for f in findings] == ([severity] if severity else [])


def test_the_training_set_itself_is_a_figure_of_the_training() -> None:
    for name in ("train", "evaluate", "accuracy"):
        assert not found(RULE, training(evaluations=[evaluation(name, same_data=1.0)], inputs=REAL))


def test_unless_it_is_called_held_out() -> None:
    assert found(RULE, training(evaluations=[evaluation("val", same_data=1.0)], inputs=REAL))
    both = [evaluation("test", same_data=1.0), evaluation("test", same_data=0.0, id="other")]
    assert not found(RULE, training(evaluations=both, inputs=REAL))  # one function for both sets


def test_unknown_overlap_says_nothing() -> None:
    assert not found(RULE, training(evaluations=[evaluation(same_data=None)], inputs=REAL))


def whole(columns, values):
    return {
        "input_integer_share": 1.0,
        "feature_min": np.zeros((40, columns)),
        "feature_max": np.full((40, columns), values - 1.0),
    }


def test_few_whole_numbers_repeat_by_nature() -> None:
    assert not found(RULE, training(evaluations=[evaluation(same_data=0.5)], inputs=whole(8, 2)))  # 256 combinations
    assert found(
        RULE, training(evaluations=[evaluation(same_data=0.5)], inputs=whole(8, 17))
    )  # digits of 64 columns: more
    some = np.ones(40)
    some[3] = 0.9
    given = whole(8, 2) | {"input_integer_share": some}
    assert found(RULE, training(evaluations=[evaluation(same_data=0.5)], inputs=given))


@pytest.mark.parametrize("kind", ["language", "reinforcement", "gan"])
def test_kinds_without_separate_samples_are_left_alone(kind) -> None:
    assert not found(RULE, training(evaluations=[evaluation(same_data=0.5)], inputs=REAL, kind=kind))


@pytest.mark.parametrize(
    ("copies", "size", "sampler", "speaks"),
    [
        (0.67, 1800, "RandomSampler", True),
        (0.29, 1800, "RandomSampler", False),
        (0.67, 500, "RandomSampler", False),  # as large as the training set: it is the training set
        (0.67, 1800, "WeightedRandomSampler", False),  # repeats are drawn, the data hold none
    ],
)
def test_copies_made_before_the_split_fall_on_both_sides(copies, size, sampler, speaks) -> None:
    facts = {"data": {"loader": {"dataset_size": size, "sampler": sampler}}, "train_repeats": copies}
    given = training(evaluations=[evaluation("score", same_data=0.995)], inputs=REAL, facts=facts)
    assert bool(found(RULE, given)) is speaks


@pytest.mark.parametrize(("same", "speaks"), [(1.0, False), (0.9, True)])
def test_one_batch_again_and_again_holds_no_copies(same, speaks) -> None:
    """Can the network learn a single batch? It is evaluated on that batch."""
    facts = {"data": {"loader": {"dataset_size": 1800, "sampler": "RandomSampler"}}, "train_repeats": 0.97, "train_same": same}
    given = training(evaluations=[evaluation("score", loss=[0.01], same_data=1.0)], inputs=REAL, facts=facts)
    assert bool(found(RULE, given)) is speaks


def two_sets(loss=1.0, right=0.65, end=0.3, samples=3000.0, **change):
    """A validation that falls to 0.2 with the training loss, and a set that is looked at once, after the last step."""
    used = evaluation("val", loss=line(0.6, 0.2, 10), accuracy=np.full(10, 0.93))
    other = {"loss": [loss], "accuracy": np.array([right]), "samples": np.array([samples]), "steps": np.array([399])} | change
    return training(
        site("cross_entropy", "addmm"),
        {"training_loss": line(0.7, end), "class_count": np.full((40, 2), 16.0)},
        evaluations=[used, evaluation("test", **other)],
        inputs=REAL,
    )


def test_a_set_that_is_looked_at_in_the_end_unmasks_near_copies() -> None:
    (finding,) = found(RULE, two_sets())
    assert finding.severity == "warning" and "loss 0.2, 93% right" in finding.message and "(1, 65%)" in finding.message


@pytest.mark.parametrize(
    "change",
    [
        {"loss": 0.25},
        {"right": 0.89},
        {"samples": 30.0},  # 0.28 is within the noise of so few
        {"end": 0.0},  # the validation falls behind the training data too: that is overfitting
        {"steps": np.array([100])},
    ],
)
def test_a_second_set_that_says_nothing_of_copies(change) -> None:
    assert not found(RULE, two_sets(**change))


@pytest.mark.parametrize(
    ("change", "speaks"),
    [
        ({}, True),
        ({"train_samples": 700}, False),  # most of the training set: its own figure
        ({"other": evaluation("score", same_data=0.0, id="held out")}, False),
        ({"shape": (2000, 8)}, False),  # a graph: every node is given, some are judged
    ],
)
def test_a_part_of_the_training_data_that_is_all_that_is_looked_at(change, speaks) -> None:
    sets = [evaluation("evaluate", same_data=1.0), *([change["other"]] if "other" in change else [])]
    run = training(
        site("cross_entropy", "addmm", input_shape=(32, 10)), evaluations=sets, inputs=REAL,
        facts={"train_samples": change.get("train_samples", 2000)},
    )
    run.inputs = tuple(replace(one, shape=change.get("shape", one.shape)) for one in run.inputs)  # fmt: skip
    assert bool(found(RULE, run)) is speaks


@pytest.mark.parametrize(("integer", "same", "chance", "speaks"), [
    (0.7, 0.12, 0.31, False), (1.0, 0.74, 0.53, False), (1.0, 0.99, 0.59, True), (0.7, 0.5, 0.1, True), (0.7, 0.5, None, True),
    (0.0, 0.5, 0.5, True),  # of measured numbers none equals another by chance,
    (0.0, 0.25, 0.23, False),  # unless they are few whole numbers, scaled
])  # fmt: skip
def test_rows_of_categories_equal_each_other_by_chance(integer, same, chance, speaks) -> None:
    inputs = {"input_integer_share": integer}
    assert bool(found(RULE, training(evaluations=[evaluation(same_data=same, chance_data=chance)], inputs=inputs))) is speaks


def test_a_split_that_is_drawn_anew_is_no_figure_of_the_training() -> None:
    (finding,) = found(RULE, training(evaluations=[evaluation("score", same_data=1.0, split_anew=True)], inputs=REAL))
    assert finding.severity == "error"


@pytest.mark.parametrize(("holds", "speaks"), [(1.0, False), (0.5, True), (None, True)])
def test_training_and_held_out_data_that_are_evaluated_together(holds, speaks) -> None:
    """One function called for both in a list: all training samples are among them."""
    both = evaluation("score", same_data=0.7, training_data=holds)
    assert bool(found(RULE, training(evaluations=[both], inputs=REAL))) is speaks
