"""Losses that are given a pair, and what is to hold of it."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .conftest import Recorded

X = torch.randn(12, 6, generator=torch.Generator().manual_seed(5))
SAME = torch.tensor([1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0])


@pytest.mark.parametrize("target", [SAME, SAME.float(), 2 * SAME - 1], ids=["integers", "numbers", "1 and -1"])
@pytest.mark.parametrize("how", ["module", "function", "by name"])
def test_the_target_of_a_pair_is_what_is_said_of_it(how: str, target: Tensor, recorded: Recorded) -> None:
    def train() -> None:
        encoder = nn.Linear(6, 4)
        optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
        for _ in range(3):
            one, two = encoder(X), encoder(X.flip(0))
            if how == "module":
                loss = nn.CosineEmbeddingLoss(margin=0.2)(one, two, target)
            elif how == "function":
                loss = F.margin_ranking_loss(one[:, 0], two[:, 0], target, margin=0.2)
            else:
                loss = F.cosine_embedding_loss(input1=one, input2=two, target=target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    training = recorded(train)
    (site,) = training.training_losses
    for name, value in (("min", target.min()), ("max", target.max()), ("mean", target.float().mean()), ("integer_share", 1)):
        assert training.series(f"loss_target_{name}", site.id).values.tolist() == pytest.approx([float(value)] * 3)
    assert site.input_shape == ((12,) if how == "function" else (12, 4)) == site.target_shape


def test_of_two_clippings_in_a_step_the_one_that_saw_more_counts(recorded: Recorded) -> None:
    norms: list[float] = []

    def train() -> None:
        net, idle = nn.Linear(6, 3), nn.Linear(6, 3)
        optimizer = torch.optim.SGD([*net.parameters(), *idle.parameters()], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(net(X), torch.ones(12, 3)).backward()
            norms.append(float(nn.utils.clip_grad_norm_(net.parameters(), 0.1)))
            nn.utils.clip_grad_norm_(idle.parameters(), 5.0)
            optimizer.step()

    training = recorded(train)
    assert training.series("clip_norm").values.tolist() == pytest.approx(norms)
    assert training.series("clip_limit").values.tolist() == pytest.approx([0.1] * 3)


@pytest.mark.filterwarnings("ignore:.*empty generator")
def test_a_generator_that_is_clipped_is_left_to_the_program(recorded: Recorded) -> None:
    def train() -> None:
        net = nn.Linear(6, 3)
        kept = net.parameters()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for step in range(4):
            optimizer.zero_grad()
            F.mse_loss(net(X), torch.ones(12, 3)).backward()
            clipped = float(nn.utils.clip_grad_norm_(kept, 0.1))
            assert (clipped > 0) is (step == 0)  # the first call uses it up, and nobody before
            optimizer.step()

    training = recorded(train)
    assert training.series("clip_norm").values[1:].tolist() == [0.0] * 3
    assert training.matrix("gradient_norm").values.min() > 0
