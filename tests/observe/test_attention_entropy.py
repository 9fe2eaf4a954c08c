"""The entropy of attention weights, relative to an even look at the places that a mask leaves."""

import pytest
import torch
from torch import Tensor

from diagnose.observe.probes.outputs import outputs


def entropy(weights: Tensor) -> float:
    return float(outputs([weights], ["softmax"], [False], [-1])["softmax_entropy"][0])


def causal(scores: Tensor) -> Tensor:
    return scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -torch.inf).softmax(-1)


def test_an_even_look_at_what_the_mask_leaves_is_even() -> None:
    assert entropy(torch.zeros(2, 4, 16, 16).softmax(-1)) == pytest.approx(1)
    assert entropy(causal(torch.zeros(2, 4, 16, 16))) == pytest.approx(1)  # the first query has no choice, and does not count


def test_one_place_alone_has_none() -> None:
    scores = torch.zeros(2, 4, 16, 16)
    scores[..., 0] = 40.0
    assert entropy(scores.softmax(-1)) == pytest.approx(0, abs=1e-6)
    assert entropy(causal(scores)) == pytest.approx(0, abs=1e-6)
    scores[..., 0] = 1000.0  # the others underflow to exactly 0, as if they were masked
    assert entropy(causal(scores)) == pytest.approx(0, abs=1e-6)


def test_in_between_as_by_hand() -> None:
    weights = causal(torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(0)))
    expected = []
    for query in range(1, 5):
        row = weights[0, 0, query, : query + 1]
        expected.append(float(-(row * row.log()).sum() / torch.log(torch.tensor(query + 1.0))))
    assert entropy(weights) == pytest.approx(sum(expected) / 4, rel=1e-5)


