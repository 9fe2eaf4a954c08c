"""Samples read side by side: each gets its own numbers, whatever stands beside it and whatever stood there before."""

import numpy as np
import torch
from torch import Tensor

from diagnose.observe.probes.columns import BINNED, Columns, Layouts, Sample, Summary


def summary(samples: list[Tensor], layouts: Layouts | None = None) -> Summary:
    columns = Columns(layouts)
    for sample in samples:
        columns.add(Sample(sample, sample.shape[1]))
    return columns.arrange([tensor.numpy() for tensor in columns.gather()])


def close(found: Summary, samples: list[Tensor]) -> None:
    for at, sample in enumerate(samples):
        values = sample.double().numpy()
        np.testing.assert_allclose(found.mean[at], values.mean(), atol=1e-6)
        np.testing.assert_allclose(found.std[at], values.std(), rtol=1e-5)
        np.testing.assert_allclose((found.low[at], found.high[at]), (values.min(), values.max()), rtol=1e-6)
        np.testing.assert_allclose(found.zeros[at], (values == 0).mean(), atol=1e-6)
        np.testing.assert_allclose(found.unit_std[at], values.std(0), rtol=1e-5)
        np.testing.assert_allclose(found.loudest[at], np.abs(values).max(0), rtol=1e-6)
        assert min(values.size, BINNED / 2) <= found.histogram[at].sum() <= min(values.size, 4 * BINNED)


def test_samples_of_different_rows_keep_their_order() -> None:
    torch.manual_seed(0)
    samples = [torch.randn(rows, columns).relu() + (columns == 3) for rows, columns in ((8, 5), (3, 7), (8, 3), (2, 2), (3, 4))]
    close(summary(samples), samples)


def test_one_that_is_no_number_leaves_the_others_alone() -> None:
    samples = [torch.full((4, 3), torch.nan), torch.arange(12.0).reshape(4, 3), torch.full((4, 2), torch.inf)]
    found = summary(samples)
    assert np.isnan(found.mean[0]) and np.isnan(found.low[0]) and not np.isfinite(found.mean[2])
    assert (found.mean[1], found.low[1], found.high[1]) == (5.5, 0, 11)


def test_all_layouts_share_the_memory_of_the_largest() -> None:
    """Batches of sequences are of any length: each is a layout of its own."""
    torch.manual_seed(0)
    layouts = Layouts()
    for width in (4, 90, 7, 300, 4, 90, 12):
        samples = [torch.randn(16, width), torch.randn(16, 3), torch.randn(5, width)]
        close(summary(samples, layouts), samples)
    assert [memory.numel() for memory in layouts._memory.values()] == [2 * 16 * 303]
    held = {matrix.untyped_storage().data_ptr() for plan in layouts._plans.values() for matrix in plan.matrices or ()}
    assert held == {memory.untyped_storage().data_ptr() for memory in layouts._memory.values()}
