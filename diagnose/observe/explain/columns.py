"""What single columns of a table are: counters of the rows, or columns that tell the label by themselves."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEIGHBOURS = 5  # on each side, whose labels tell a sample's
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

    Nearest neighbours in one dimension, the sample itself left out (Cover & Hart 1967).
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
        order = table[:, column].argsort(stable=True)
        sums = torch.cat([torch.zeros(1, one.shape[1], dtype=one.dtype), one[order].cpu().cumsum(0)])
        at = torch.arange(amount)
        first, last = (at - NEIGHBOURS).clamp_min(0), (at + NEIGHBOURS + 1).clamp_max(amount)
        around = sums[last] - sums[first] - one[order].cpu()
        if classes:
            wrong = float((around.argmax(1) != one[order].cpu().argmax(1)).double().mean())
        else:
            wrong = float((around / (last - first - 1)[:, None] - one[order].cpu()).square().mean())
        told[column] = 1 - wrong / worst
    return told
