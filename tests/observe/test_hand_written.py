"""Losses written by hand: where they are means of squares or distances, prediction and target are read as of torch's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from .conftest import Recorded

X, Y = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)), torch.arange(18.0).reshape(6, 3)
Loss = Callable[[Tensor, Tensor], Tensor]
KNOWN: dict[str, tuple[str, str, Loss]] = {
    "power": ("mse_loss", "mean", lambda p, y: ((p - y) ** 2).mean()),
    "product": ("mse_loss", "mean", lambda p, y: (lambda d: d * d)(p - y).mean()),
    "square of the other side": ("mse_loss", "mean", lambda p, y: torch.square(y - p).mean()),
    "sum": ("mse_loss", "sum", lambda p, y: ((p - y) ** 2).sum()),
    "distance": ("l1_loss", "mean", lambda p, y: (p - y).abs().mean()),
    "mean of means": ("mse_loss", "mean", lambda p, y: ((p - y) ** 2).mean(1).mean()),
    "in another shape": ("mse_loss", "mean", lambda p, y: ((p.reshape(-1) - y.reshape(-1)) ** 2).mean()),
}
UNKNOWN: dict[str, Loss] = {
    "half": lambda p, y: 0.5 * ((p - y) ** 2).mean(),
    "a sum a sample": lambda p, y: ((p - y) ** 2).sum(1).mean(),
    "root": lambda p, y: ((p - y) ** 2).mean().sqrt(),
    "cubic": lambda p, y: ((p - y) ** 3).mean(),
    "of two predictions": lambda p, y: ((p - 2 * p) ** 2).mean(),
    "every one against every one": lambda p, y: ((p[:, None] - y) ** 2).mean(),
    "of a part": lambda p, y: ((p[:, 1] - y[:, 1]) ** 2).mean(),
    "rescaled": lambda p, y: ((2 * p - y) ** 2).mean(),
    "turned over": lambda p, y: ((p.t() - y.t()) ** 2).mean(),
}


def train(net: nn.Module, loss: Loss) -> list[float]:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001)
    seen = []
    for _ in range(4):
        optimizer.zero_grad()
        prediction = net(X)
        value = loss(prediction, Y)
        seen.append(float(prediction.detach().mean()))
        value.backward()
        optimizer.step()
    return seen


@pytest.mark.parametrize("net", [nn.Linear(4, 3), nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))], ids=["layer", "network"])
@pytest.mark.parametrize("form", KNOWN)
def test_prediction_and_target_are_read(recorded: Recorded, form: str, net: nn.Module) -> None:
    function, reduction, loss = KNOWN[form]
    means: list[float] = []
    training = recorded(lambda: means.extend(train(net, loss)))
    (site,) = training.losses
    assert (site.function, site.arguments["reduction"], site.arguments["hand_written"]) == (function, reduction, True)
    assert site.id.startswith("custom (test_hand_written.py:")
    assert site.input_shape == site.target_shape and np.prod(site.input_shape or ()) == 18
    assert site.operations[0] == "addmm" and site.layer == training.layers[-1].path
    np.testing.assert_allclose(training.series("loss_input_mean", site.id).values, means, rtol=1e-5)
    np.testing.assert_allclose(training.series("loss_target_mean", site.id).values, 8.5, rtol=1e-5)
    np.testing.assert_allclose(training.series("loss_target_max", site.id).values, 17, rtol=1e-5)
    assert training.kind == "regression"


@pytest.mark.parametrize("form", UNKNOWN)
def test_others_are_left_as_they_are(recorded: Recorded, form: str) -> None:
    training = recorded(lambda: train(nn.Sequential(nn.Linear(4, 3)), UNKNOWN[form]))
    (site,) = training.losses
    assert site.function == "custom" and site.input_shape is None and site.target_shape is None


def test_an_output_that_was_changed_is_not_taken_for_the_prediction(recorded: Recorded) -> None:
    def loss(prediction: Tensor, target: Tensor) -> Tensor:
        difference = prediction - target
        prediction.data.zero_()  # autograd does not need it
        prediction.add_(1.0)
        return (difference**2).mean()

    training = recorded(lambda: train(nn.Sequential(nn.Linear(4, 3)), loss))
    assert training.losses[0].function == "custom"
