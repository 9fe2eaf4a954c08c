"""What the hashes of training samples tell of the steps that used them."""

import numpy as np
import pytest

from diagnose.record.samples import Samples, coverage, same_as_before, seen_again, split_anew


def trained(batches: np.ndarray, steps: np.ndarray | None = None) -> Samples:
    """Hashes by (step, sample) at these steps."""
    steps = np.arange(len(batches)) if steps is None else steps
    return Samples(np.repeat(steps, batches.shape[1]), batches.reshape(-1).astype(np.int64))


ONE = np.random.default_rng(0).integers(-(2**63), 2**63, (1, 16))


def test_steps_on_one_batch_are_all_the_same_in_whatever_order() -> None:
    random = np.random.default_rng(1)
    shuffled = np.stack([random.permutation(ONE[0]) for _ in range(50)])
    assert same_as_before(trained(shuffled)) == 1


def test_steps_on_other_batches_are_not() -> None:
    other = np.random.default_rng(2).integers(-(2**63), 2**63, (50, 16))
    assert same_as_before(trained(other)) == 0
    twice = np.repeat(other, 2, axis=0)
    assert same_as_before(trained(twice)) == pytest.approx(50 / 99)


def test_only_steps_that_follow_on_one_another_tell() -> None:
    """Data that are not shuffled, and a step looked at in each epoch only: always the same batch, and yet there are others."""
    ones = np.repeat(ONE, 60, axis=0)
    assert same_as_before(trained(ones, np.arange(0, 600, 10))) is None
    assert same_as_before(trained(ones[:20])) is None and same_as_before(trained(ones[:21])) == 1
    assert same_as_before(Samples(np.empty(0, np.int64), np.empty(0, np.int64))) is None


@pytest.mark.parametrize("known", [1.0, 0.3, 0.1])
@pytest.mark.parametrize(("passes", "share"), [(1, 0.0), (2, 0.5), (6, 5 / 6)])
def test_samples_that_are_used_again_are_known_where_few_steps_were_looked_at(known: float, passes: int, share: float) -> None:
    """All of the first steps and some of the later ones, as a short budget leaves them."""
    rng = np.random.default_rng(4)
    size = 1200
    drawn = np.concatenate([rng.permutation(size) for _ in range(passes)]).reshape(-1, 1)
    steps = np.arange(len(drawn))
    kept = (steps < 0.3 * size) | (rng.random(len(steps)) < known)
    again = seen_again(Samples(steps[kept], drawn[kept].reshape(-1).astype(np.int64)), len(steps))
    assert again == pytest.approx(share, abs=0.02 if known == 1 else 0.2)


def test_what_few_samples_cannot_tell_is_not_said() -> None:
    drawn = np.random.default_rng(5).permutation(10_000).astype(np.int64)
    steps = np.concatenate([np.arange(200), np.arange(250, 10_000, 250)])  # a fiftieth of the later half is known
    assert seen_again(Samples(steps, drawn[steps]), 10_000) is None
    assert seen_again(Samples(steps[:99], drawn[:99]), 100) is None


@pytest.mark.parametrize(("passes", "known"), [(1, 0.2), (3, 0.2), (3, 1.0)])
def test_how_many_of_all_samples_are_known(passes: int, known: float) -> None:
    """The first of them, and a batch now and then: in one pass no sample comes twice, in three what comes late is known."""
    rng = np.random.default_rng(6)
    drawn = np.concatenate([rng.permutation(4000) for _ in range(passes)]).astype(np.int64)
    steps = np.arange(len(drawn)) // 20
    kept = (np.arange(len(drawn)) < known * 4000) | (steps % 40 == 0) | (known == 1)
    share = len(np.unique(drawn[kept])) / 4000
    assert coverage(Samples(steps[kept], drawn[kept]), int(steps[-1]) + 1) == pytest.approx(share, abs=0.05)


def test_a_split_that_is_drawn_anew_in_each_epoch() -> None:
    rng = np.random.default_rng(7)

    def held(split: str) -> bool:
        """Whether one is seen in six epochs of 400 of 500 samples, the others held out."""
        order, trained, passes = rng.permutation(500), list[np.ndarray](), []
        for epoch in range(6):
            order = rng.permutation(500) if split == "anew" else order
            trained.append(rng.permutation(order[:400]))
            tested = {"once": order[400:], "anew": order[400:], "training": order[:400], "next": np.arange(100) + 500 + 100 * epoch}[split]
            if split == "next":  # evaluated before it is trained on, each once
                trained[-1] = np.arange(100) + 500 + 100 * (epoch - 1)
            passes.append(((epoch + 1) * 400, tested))
        hashes = np.concatenate(trained)
        steps = np.concatenate([np.full(len(one), epoch * 400) for epoch, one in enumerate(trained)])
        return split_anew(Samples(steps, hashes), passes)

    assert [held(split) for split in ("anew", "once", "training", "next")] == [True, False, False, False]
