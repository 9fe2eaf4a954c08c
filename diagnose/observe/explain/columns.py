"""What single columns of a table are: counters of the rows, or columns that tell the label by themselves."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEIGHBOURS = 5  # on each side, whose mean tells a sample's number
LEAST = 16  # samples
WIDEST = 2000  # columns that are tried


def counts(column: Tensor) -> bool:
    """Whether a column looks like a number that counts the samples: all different, and whole multiples of one step.

    A measured quantity of few decimals repeats itself; one of many has no common step.
    """
    values = np.unique(column.double().cpu().numpy())
    if len(values) < len(column) or len(values) < LEAST:
        return False
    steps = np.diff(values)
    multiples = steps / steps.min()
    return bool(np.abs(multiples - multiples.round()).max() < 1e-2 and (values[-1] - values[0]) / steps.min() < 1e6)


def by_themselves(table: Tensor, target: Tensor, task: str) -> NDArray[np.float64]:
    """(columns,) how well each column alone tells the target: the share of what a constant answer gets wrong (classes) or
    misses (squares) that the neighbours in the order of that column get right. NaN where that cannot be told.

    Of classes the nearest neighbour in that one dimension is asked, of numbers the mean of the `NEIGHBOURS` on each side; the
    sample itself is left out (Cover & Hart 1967).
    """
    amount, columns = table.shape
    told = np.full(columns, np.nan)
    wanted = target.reshape(amount, -1)
    if amount < 4 * NEIGHBOURS or wanted.shape[1] != 1 or columns > WIDEST:
        return told
    classes = task in ("classification", "binary-classification")
    if not classes and task != "regression":
        return told
    labels = wanted[:, 0].long() if classes else None
    one = torch.nn.functional.one_hot(labels).double() if labels is not None else wanted.double()  # (samples, classes or 1)
    worst = 1 - float(one.mean(0).max()) if classes else float(one.var(0, correction=0))
    if worst <= 0:
        return told
    for column in range(columns):
        values, order = table[:, column].double().cpu().sort(stable=True)
        sorted_ = one.cpu()[order]
        if classes:
            guessed = sorted_[_nearest(values)]
            wrong = float((guessed.argmax(1) != sorted_.argmax(1)).double().mean())
        else:
            wrong = float((_around(sorted_) - sorted_).square().mean())
        told[column] = 1 - wrong / worst
    return told


def _nearest(values: Tensor) -> Tensor:
    """(samples,) the place of the nearest other value, of sorted ones."""
    gaps = values.diff()
    infinite = torch.full((1,), float("inf"), dtype=values.dtype)
    before, after = torch.cat([infinite, gaps]), torch.cat([gaps, infinite])
    at = torch.arange(len(values))
    return torch.where(before <= after, at - 1, at + 1)


def _around(targets: Tensor) -> Tensor:
    """(samples, 1) the mean of the neighbours on both sides, without the sample itself."""
    amount = len(targets)
    sums = torch.cat([torch.zeros(1, targets.shape[1], dtype=targets.dtype), targets.cumsum(0)])
    at = torch.arange(amount)
    first, last = (at - NEIGHBOURS).clamp_min(0), (at + NEIGHBOURS + 1).clamp_max(amount)
    found: Tensor = (sums[last] - sums[first] - targets) / (last - first - 1)[:, None]
    return found
