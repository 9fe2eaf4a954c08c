"""Backwards that are made for the gradient of an input, and what of them belongs to the step."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .conftest import Observing, Recorded

X, Y = torch.randn(24, 6, generator=torch.Generator().manual_seed(3)), torch.arange(24) % 3
STEPS = 6
Clear = Callable[[torch.optim.Optimizer, nn.Module], None]


def attack(net: nn.Module, x: Tensor, y: Tensor, times: int = 2) -> Tensor:
    moved = x
    for _ in range(times):
        moved = moved.detach().clone().requires_grad_()
        F.cross_entropy(net(moved), (y + 1) % 3).backward()
        assert moved.grad is not None
        moved = moved - 0.1 * moved.grad.sign()
    return moved.detach()


def to_none(optimizer: torch.optim.Optimizer, net: nn.Module) -> None:
    optimizer.zero_grad()


def in_place(optimizer: torch.optim.Optimizer, net: nn.Module) -> None:
    net.zero_grad(set_to_none=False)


def train(clear: Clear, losses: list[float], *, before: bool = False, steps: int = STEPS) -> None:
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        if before:
            clear(optimizer, net)
        x = torch.cat([attack(net, X[:12], Y[:12]), X[12:]])
        if not before:
            clear(optimizer, net)
        loss = F.cross_entropy(net(x), Y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


@pytest.mark.parametrize("clear", [to_none, in_place])
def test_an_attack_whose_gradients_were_cleared_is_no_loss_of_the_step(clear: Clear, recorded: Recorded) -> None:
    losses: list[float] = []
    training = recorded(lambda: train(clear, losses))
    (site,) = training.training_losses
    assert not site.input_gradient and site.input_shape == (24, 3)
    for quantity, place in (("loss", None), ("training_loss", site.id)):
        assert training.series(quantity, place).values.tolist() == pytest.approx(losses)
    assert not training.evaluations and training.series("uncleared").finite().values.tolist() == [0.0] * (STEPS - 1)


@pytest.mark.parametrize("clear", [to_none, in_place])
def test_between_snapshots_too(clear: Clear, observing: Observing) -> None:
    losses: list[float] = []
    with observing(every=16) as session:
        session.schedule.spare = lambda: True  # as if the budget were used: loss, rate and time of a step only
        train(clear, losses, steps=60)
    (training,) = session.run.trainings
    assert len(training.training_losses) == 1 and len(training.series("samples").measured()) < 40
    assert training.series("loss").values.tolist() == pytest.approx(losses)


def test_an_attack_whose_gradients_stay_is_told_by_its_input(recorded: Recorded) -> None:
    losses: list[float] = []
    training = recorded(lambda: train(to_none, losses, before=True))
    attacked, real = training.training_losses
    assert attacked.input_gradient and attacked.input_shape == (12, 3)
    assert not real.input_gradient
    assert training.series("class_count", attacked.id).values.tolist() == [[4.0, 4.0, 4.0]] * STEPS  # of the first call alone
    assert training.series("class_count", real.id).values[0].tolist() == [8.0, 8.0, 8.0]


def test_tasks_whose_gradients_the_program_puts_together_are_all_trained_on(recorded: Recorded) -> None:
    """One task after the other, cleared between them, and the sum of what was kept is stepped on."""

    means: list[float] = []

    def surgery() -> None:
        body, heads = nn.Linear(6, 16), nn.ModuleList([nn.Linear(16, 3), nn.Linear(16, 3)])
        parameters = [*body.parameters(), *heads.parameters()]
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        for _ in range(STEPS):
            sums = [torch.zeros_like(p) for p in parameters]
            means.append(0.0)
            for task, head in enumerate(heads):
                optimizer.zero_grad()
                loss = F.cross_entropy(head(torch.relu(body(X))), (Y + task) % 3)
                loss.backward()
                means[-1] += loss.item() / 2
                for total, p in zip(sums, parameters, strict=True):
                    total += 0 if p.grad is None else p.grad
            for total, p in zip(sums, parameters, strict=True):
                p.grad = total
            optimizer.step()

    training = recorded(surgery)
    (site,) = training.training_losses
    for quantity, place in (("loss", None), ("training_loss", site.id)):
        assert training.series(quantity, place).values.tolist() == pytest.approx(means)


def test_one_backward_for_input_and_weights_is_a_training_loss(recorded: Recorded) -> None:
    """Free adversarial training (Shafahi et al. 2019): one backward moves the input and the weights."""

    def free() -> None:
        net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        moved = torch.zeros_like(X)
        for _ in range(STEPS):
            moved = moved.detach().requires_grad_()
            optimizer.zero_grad()
            F.cross_entropy(net(X + moved), Y).backward()
            assert moved.grad is not None
            moved = moved + 0.1 * moved.grad.sign()
            optimizer.step()

    training = recorded(free)
    (site,) = training.training_losses
    assert site.input_gradient and len(training.series("training_loss", site.id)) == STEPS


def test_what_is_optimized_beside_the_weights_is_no_input(recorded: Recorded) -> None:
    def codes() -> None:
        net, code = nn.Linear(6, 3), torch.zeros(24, 6, requires_grad=True)
        optimizer = torch.optim.SGD([*net.parameters(), code], lr=0.1)
        for _ in range(STEPS):
            optimizer.zero_grad()
            F.cross_entropy(net(X + code), Y).backward()
            optimizer.step()

    (site,) = recorded(codes).training_losses
    assert not site.input_gradient


def test_a_closure_clears_and_looks_again(recorded: Recorded) -> None:
    """LBFGS clears between the backwards of one step and follows all of them."""

    losses: list[list[float]] = []

    def closed() -> None:
        net = nn.Linear(6, 3)
        optimizer = torch.optim.LBFGS(net.parameters(), lr=0.1, max_iter=3)

        def closure() -> Tensor:
            optimizer.zero_grad()
            x = X.clone().requires_grad_()
            loss = F.cross_entropy(net(x), Y)
            loss.backward()
            losses[-1].append(loss.item())
            return loss

        for _ in range(STEPS):
            losses.append([])
            optimizer.step(closure)

    training = recorded(closed)
    (site,) = training.training_losses
    assert min(map(len, losses)) > 1
    assert training.series("training_loss", site.id).values.tolist() == pytest.approx([sum(own) / len(own) for own in losses])
