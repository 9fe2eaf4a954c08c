"""rank-repeats-data: the share of a rank's samples that another rank trains on too."""

import pytest
from hand_built import found, site, training

from diagnose.run import Parameter, Training

RULE = "rank-repeats-data"
REPEATS = {"step": 1.0, "own_step": 0.0, "epoch": 1.0, "own": 0.0, "samples": 640}
LOADER = {"data": {"loader": {"batch_size": 16, "sampler": "RandomSampler"}}}
PIECE = {"ranks": [0, 1], "copies": 1, "size": 8, "axes": 1}


def job(spread=0.0, shard=None, facts=None, **repeats) -> Training:
    parameter = Parameter("net.0.weight", "net.0", (4, 4), 16, shard=shard)
    numbers = {} if shard else {("weight_rank_spread", "net.0.weight"): spread}
    told = {"rank_repeats": {**REPEATS, **repeats}, **LOADER, **(facts or {})}
    return training(site("cross_entropy", "addmm"), numbers, parameters=[parameter], ranks=2, facts=told)


def test_the_same_batches_are_a_warning_with_a_sampler_as_the_cure() -> None:
    (finding,) = found(RULE, job())
    assert finding.severity == "warning" and finding.confidence == 0.95 and finding.places == ("data",)
    assert "100% of a rank's samples are another rank's too, at the same step" in finding.message
    assert "sampler: RandomSampler" in finding.message and "the 2 ranks do the same work" in finding.message
    assert finding.fix is not None and "batch_size=16, sampler=sampler" in (finding.fix.code or "")


def test_the_same_samples_in_another_order_make_longer_epochs() -> None:
    (finding,) = found(RULE, job(step=0.05))
    assert "within one epoch" in finding.message and "2 times an epoch" in finding.message
    assert finding.confidence == 0.8


@pytest.mark.parametrize(("share", "speaks"), [(0.5, False), (0.51, True), (0.002, False)])
def test_half_of_the_samples_is_the_limit(share, speaks) -> None:
    assert bool(found(RULE, job(step=share, epoch=share))) is speaks
    assert bool(found(RULE, job(step=0.0, epoch=share))) is speaks
    assert not found(RULE, job(step=0.0, epoch=None))


@pytest.mark.parametrize(("samples", "speaks"), [(63, False), (64, True)])
def test_a_few_samples_tell_nothing(samples, speaks) -> None:
    assert bool(found(RULE, job(samples=samples))) is speaks


def test_data_with_few_different_samples_repeat_everywhere() -> None:
    assert not found(RULE, job(own=0.9, own_step=0.9))
    assert not found(RULE, job(step=0.1, own=0.6))


@pytest.mark.parametrize(("spread", "speaks"), [(0.0, True), (0.9e-5, True), (1.1e-5, False)])
def test_ranks_with_different_weights_are_not_compared(spread, speaks) -> None:
    assert bool(found(RULE, job(spread))) is speaks


def test_pieces_of_copies_are_compared_and_parts_of_one_model_are_not() -> None:
    assert found(RULE, job(shard=PIECE, facts={"wrappers": {"net": "FSDPModule"}}))
    assert not found(RULE, job(shard=PIECE))
    assert not found(RULE, job(shard={**PIECE, "axes": 2}, facts={"wrappers": {"net": "FSDPModule"}}))


def test_without_hashes_nothing_is_said() -> None:
    assert not found(RULE, training(site("cross_entropy", "addmm"), ranks=2))
