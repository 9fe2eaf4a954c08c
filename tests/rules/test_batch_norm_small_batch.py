"""batch-norm-small-batch: how many values a channel is normalised by."""

import pytest
from hand_built import found, layer, training

RULE = "batch-norm-small-batch"


def judged(samples, shape, kind="BatchNorm1d", mode=1.0, **change):
    norm = layer("net.bn", "normalization", kind, shape=shape, settings={"num_features": shape[1]})
    return found(
        RULE, training((), {"samples": float(samples), ("layer_training", "net.bn"): mode}, layers=[norm], **change)
    )


def test_two_values_a_channel_are_an_error_with_a_group_norm_instead() -> None:
    (finding,) = judged(2, (2, 64))
    assert finding.severity == "error" and "by 2 values (batches of 2)" in finding.message
    assert finding.fix is not None and finding.fix.code == "nn.GroupNorm(8, 64)"


@pytest.mark.parametrize(
    ("samples", "severity"), [(4, "error"), (5, "warning"), (15, "warning"), (16, None), (64, None)]
)
def test_the_limits(samples, severity) -> None:
    findings = judged(samples, (samples, 64))
    assert [f.severity for f in findings] == ([severity] if severity else [])


def test_positions_count_as_values_but_two_samples_are_too_few_anyway() -> None:
    assert not judged(4, (4, 16, 8, 8), "BatchNorm2d")
    assert judged(2, (2, 16, 8, 8), "BatchNorm2d")[0].severity == "warning"
    assert judged(4, (4, 16, 1, 1), "BatchNorm2d")[0].severity == "error"


def test_other_norms_frozen_and_synchronised_ones_are_fine() -> None:
    assert not judged(2, (2, 64), "LayerNorm")
    assert not judged(2, (2, 64), "SyncBatchNorm")
    assert not judged(2, (2, 64), mode=0.0)
    assert judged(2, (2, 64), mode=float("nan"))  # the mode was not seen


@pytest.mark.parametrize(("rows", "severity"), [(2, "error"), (16, None)])
def test_batches_that_are_gathered_for_one_step_are_normalised_one_by_one(rows, severity) -> None:
    findings = judged(32, (rows, 64))
    assert [f.severity for f in findings] == ([severity] if severity else [])
    assert not findings or findings[0].evidence[0].quantity == "output_shape"


def test_rows_that_are_points_of_one_sample_count() -> None:
    assert not judged(1, (260, 64))
