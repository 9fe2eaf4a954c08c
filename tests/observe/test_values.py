"""Right values: what is recorded equals what autograd or a closed form says, in every way of training."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from diagnose.observe.schedule import Schedule
from diagnose.run import Training

from .conftest import Observing, Recorded

X = torch.linspace(-2, 2, 24).reshape(6, 4).sin()
Y = torch.arange(6) % 2


class Seen:
    """What a program itself can see: gradients right before its step, weights before and after."""

    def __init__(self, *named: tuple[str, nn.Module]) -> None:
        self.named = {f"{name}.{path}": p for name, net in named for path, p in net.named_parameters()}
        self.gradients: dict[str, list[float]] = {path: [] for path in self.named}
        self.weights: dict[str, list[float]] = {path: [] for path in self.named}
        self.updates: dict[str, list[float]] = {path: [] for path in self.named}

    def before(self) -> None:
        self._old = {path: p.detach().clone() for path, p in self.named.items()}

    def gradient(self) -> None:
        for path, p in self.named.items():
            self.gradients[path].append(float("nan") if p.grad is None else float(p.grad.to_dense().double().norm()))

    def after(self) -> None:
        for path, p in self.named.items():
            self.weights[path].append(float(self._old[path].double().norm()))
            self.updates[path].append(float((p.detach() - self._old[path]).double().norm()))

    def agrees(self, training: Training, *, updates: bool = True) -> None:
        for path in self.named:
            if not np.isnan(self.gradients[path]).all():
                close(training, "gradient_norm", path, self.gradients[path])
            if updates:
                close(training, "weight_norm", path, self.weights[path])
                close(training, "update_norm", path, self.updates[path])


def close(training: Training, quantity: str, place: str | None, expected: Any, rel: float = 1e-4) -> None:
    series = training.series(quantity, place)
    assert len(series) == len(expected), (quantity, place, training.places(quantity))
    np.testing.assert_allclose(series.values, np.asarray(expected), rtol=rel, atol=1e-7, err_msg=f"{quantity} at {place}")


def small() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))


def test_plain_steps(recorded: Recorded) -> None:
    losses: list[float] = []

    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        for _ in range(5):
            optimizer.zero_grad()
            seen.before()
            loss = F.cross_entropy(net(X), Y)
            loss.backward()
            seen.gradient()
            optimizer.step()
            seen.after()
            losses.append(loss.item())
            scheduler.step()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    close(training, "loss", None, losses)
    close(training, "training_loss", training.losses[0].id, losses)
    close(training, "learning_rate", None, [0.5, 0.25, 0.125, 0.0625, 0.03125])
    close(training, "samples", None, [6] * 5)
    close(training, "backwards", None, [1] * 5)
    assert training.series("uncleared").finite().values.tolist() == [0] * 4
    assert [p.path for p in training.parameters] == ["net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"]
    assert all(p.optimized and p.reached for p in training.parameters)
    assert training.losses[0].weight == 1


def test_initial_statistics(recorded: Recorded) -> None:
    def train() -> None:
        net = nn.Linear(4, 2)
        expected.update({f"net.{n}": p.detach().clone() for n, p in net.named_parameters()})
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(2):
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    expected: dict[str, Tensor] = {}
    training = recorded(train)
    for path, value in expected.items():
        parameter = training.parameter(path)
        assert parameter is not None
        assert parameter.initial == pytest.approx({
            "mean": value.mean().item(), "std": value.std(correction=0).item(), "min": value.min().item(),
            "max": value.max().item(), "norm": value.norm().item(),
        }, rel=1e-5)  # fmt: skip
    assert (training.parameters[0].fan_in, training.parameters[0].fan_out) == (4, 2)


def test_outputs_and_their_gradients(recorded: Recorded) -> None:
    seen: dict[str, list[Tensor]] = {}

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 5)
            self.act = nn.ReLU()
            self.last = nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            a = self.first(x)
            b = self.act(a)
            c = self.last(torch.tanh(b))
            for name, tensor in (("net.first", a), ("net.act", b), ("net.last", c)):
                tensor.retain_grad()
                seen.setdefault(name, []).append(tensor)
            return c

    def train() -> None:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    training = recorded(train)
    assert [layer.path for layer in training.layers] == ["net.first", "net.act", "net.act/tanh", "net.last"]
    for place, tensors in seen.items():
        values = [t.detach() for t in tensors]
        gradients = [t.grad for t in tensors]
        for quantity, function in {
            "output_mean": torch.mean, "output_std": lambda t: t.std(correction=0), "output_min": torch.min,
            "output_max": torch.max, "output_max_abs": lambda t: t.abs().max(), "zero_share": lambda t: (t == 0).float().mean(),
            "batch_std": lambda t: t.var(0, correction=0).mean().sqrt(),
        }.items():  # fmt: skip
            close(training, quantity, place, [function(v).item() for v in values])
        close(training, "output_gradient_norm", place, [g.norm().item() for g in gradients])
        close(training, "unit_std", place, [v.std(0, correction=0).numpy() for v in values])
        assert training.series("output_histogram", place).values.sum(1).tolist() == [v.numel() for v in values]
        close(training, "layer_training", place, [1, 1, 1])
    tanh = [t.detach().tanh() for t in seen["net.act"]]
    close(training, "output_mean", "net.act/tanh", [t.mean().item() for t in tanh])
    close(training, "saturated_share", "net.act/tanh", [(t.abs() > 0.98).float().mean().item() for t in tanh])
    close(training, "output_gradient_norm", "net.act/tanh",
          [(t.grad / (1 - t.detach().tanh() ** 2)).norm().item() for t in seen["net.act"]])  # fmt: skip


def test_accumulation(recorded: Recorded) -> None:
    means: list[float] = []

    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            losses = []
            for part in range(3):
                loss = F.cross_entropy(net(X[2 * part : 2 * part + 2]), Y[2 * part : 2 * part + 2]) / 3
                loss.backward()
                losses.append(3 * loss.item())
            means.append(sum(losses) / 3)
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    close(training, "backwards", None, [3] * 3)
    close(training, "samples", None, [6] * 3)
    close(training, "training_loss", training.losses[0].id, means)
    assert training.losses[0].weight == pytest.approx(1 / 3)
    assert training.series("uncleared").finite().values.tolist() == [0, 0]


@pytest.mark.parametrize("how", ["norm", "value", "by name"])
def test_clipping(how: str, recorded: Recorded) -> None:
    norms: list[float] = []

    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            F.cross_entropy(30 * net(X), Y).backward()
            norms.append(float(torch.stack([p.grad.norm() for p in net.parameters()]).norm()))
            if how == "norm":
                nn.utils.clip_grad_norm_(net.parameters(), 0.25)
            elif how == "value":
                nn.utils.clip_grad_value_(net.parameters(), 0.25)
            else:
                torch.nn.utils.clip_grad.clip_grad_norm_(net.parameters(), max_norm=0.25)
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    close(training, "clip_limit", None, [0.25] * 3)
    told = training.facts["clip"]
    assert (told["limit"], told["by_value"]) == (0.25, how == "value") and told["source"]["file"] == __file__
    if how == "value":
        assert not training.has("clip_norm")
    else:
        close(training, "clip_norm", None, norms)
        assert min(norms) > 0.25


def test_gradient_scaler(recorded: Recorded) -> None:
    """Gradients are those the optimizer uses; a skipped step is none."""
    losses: list[float] = []

    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for i in range(5):
            optimizer.zero_grad()
            seen.before()
            loss = F.cross_entropy(net(X), Y) * (1e37 if i == 2 else 1)
            scaler.scale(loss).backward()
            if i == 2:
                scaler.step(optimizer)  # overflows: skipped
                scaler.update()
                continue
            losses.append(loss.item())
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(net.parameters(), 100.0)
            seen.gradient()
            scaler.step(optimizer)
            scaler.update()
            seen.after()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    assert training.steps == 4
    close(training, "loss_scale", None, [1024, 1024, 512, 512])
    assert training.series("skipped").values.tolist() == [0, 0, 1, 0]
    close(training, "loss", None, losses)
    close(training, "training_loss", training.losses[0].id, losses)
    close(training, "backwards", None, [1] * 4)
    assert [e.kind for e in training.events if e.kind in ("scaler-skip", "non-finite")] == ["scaler-skip"]


def test_gradient_scaler_without_unscale(recorded: Recorded) -> None:
    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            scaler.scale(F.cross_entropy(net(X), Y)).backward()
            for p in net.parameters():
                p.grad /= 1024
            seen.gradient()
            for p in net.parameters():
                p.grad *= 1024
            scaler.step(optimizer)
            scaler.update()
            seen.after()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    assert not [e for e in training.events if e.kind == "clipped-while-scaled"]


def test_clipping_scaled_gradients_is_noted(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale(F.cross_entropy(net(X), Y)).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()

    assert [e.kind for e in recorded(train).events].count("clipped-while-scaled") >= 1


def test_autocast(recorded: Recorded) -> None:
    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = F.cross_entropy(net(X), Y)
            loss.backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    assert np.isfinite(training.series("output_std", "net.0").values).all()
    assert training.losses[0].input_dtype == "bfloat16"


def test_several_optimizers_and_groups_are_one_training(recorded: Recorded) -> None:
    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        first = torch.optim.SGD([{"params": [net[0].weight], "lr": 0.3}, {"params": [net[0].bias], "lr": 0.7}], lr=0.1)
        second = torch.optim.Adam(net[2].parameters(), lr=0.01)
        for _ in range(3):
            first.zero_grad()
            second.zero_grad()
            seen.before()
            F.cross_entropy(net(X), Y).backward()
            seen.gradient()
            first.step()
            second.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    assert training.steps == 6
    assert [o.type for o in training.optimizers] == ["SGD", "Adam"]
    assert training.series("optimizer").values.tolist() == [0, 1] * 3
    seen.agrees(training)
    assert training.series("learning_rate").values.tolist() == pytest.approx([0.3, 0.01] * 3)
    assert all(p.optimized for p in training.parameters)
    assert len(training.parameters) == 4
    assert training.networks == ("net",)


def test_gan(recorded: Recorded) -> None:
    """Each network's gradients are those of its own optimizer's step."""

    def train() -> None:
        nonlocal of_critic, of_maker
        maker, critic = nn.Sequential(nn.Linear(2, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
        of_critic, of_maker = Seen(("critic", critic)), Seen(("maker", maker))
        first, second = torch.optim.SGD(critic.parameters(), lr=0.1), torch.optim.SGD(maker.parameters(), lr=0.2)
        for _ in range(3):
            noise = torch.randn(6, 2)
            first.zero_grad()
            of_critic.before()
            fake = maker(noise)
            real_loss = F.binary_cross_entropy_with_logits(critic(X), torch.ones(6, 1))
            fake_loss = F.binary_cross_entropy_with_logits(critic(fake.detach()), torch.zeros(6, 1))
            (real_loss + fake_loss).backward()
            of_critic.gradient()
            first.step()
            of_critic.after()
            second.zero_grad()
            of_maker.before()
            F.binary_cross_entropy_with_logits(critic(fake), torch.ones(6, 1)).backward()
            of_maker.gradient()
            second.step()
            of_maker.after()

    of_critic = of_maker = Seen()
    training = recorded(train)
    assert training.kind == "gan"
    assert set(training.networks) == {"maker", "critic"}
    of_critic.agrees(training)
    of_maker.agrees(training)
    assert {layer.path: layer.network for layer in training.layers} == {
        "maker.0": "maker", "maker.1": "maker", "critic.0": "critic", "critic.1": "critic", "critic.2": "critic",
    }  # fmt: skip
    by_line = sorted(training.losses, key=lambda site: site.source.line if site.source else 0)
    assert [site.optimizer for site in by_line] == [0, 0, 1]


def test_lbfgs(recorded: Recorded) -> None:
    """A step is the outer one; its gradient is that of the closure's last call."""
    closures: list[int] = []
    last: list[float] = []

    def train() -> None:
        net = nn.Linear(4, 2)
        optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=4, line_search_fn="strong_wolfe")
        for _ in range(3):
            calls = 0

            def closure() -> Tensor:
                nonlocal calls
                calls += 1
                optimizer.zero_grad()
                loss = F.cross_entropy(net(X), Y)
                loss.backward()
                norm[0] = net.weight.grad.norm().item()
                return loss

            norm = [0.0]
            optimizer.step(closure)
            closures.append(calls)
            last.append(norm[0])

    training = recorded(train)
    assert training.steps == 3
    close(training, "backwards", None, closures)
    close(training, "gradient_norm", "net.weight", last)
    assert training.losses[0].function == "cross_entropy"
    assert (training.series("update_norm", "net.weight").values > 0).all()


class SAM(torch.optim.Optimizer):
    """Foret et al. 2020, as it is usually written: two backwards a step, around an optimizer of its own."""

    def __init__(self, params: Any, rho: float = 0.05, **settings: Any) -> None:
        super().__init__(params, {"rho": rho, **settings})
        self.inner = torch.optim.SGD(self.param_groups, **settings)
        self.param_groups = self.inner.param_groups

    @torch.no_grad()
    def first_step(self) -> None:
        parameters = [p for group in self.param_groups for p in group["params"]]
        norm = torch.stack([p.grad.norm() for p in parameters]).norm()
        self.moves = [0.05 * p.grad / norm for p in parameters]
        for p, move in zip(parameters, self.moves, strict=True):
            p.add_(move)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        closure = torch.enable_grad()(closure)
        loss = closure()
        self.first_step()
        self.zero_grad()
        closure()
        for p, move in zip([p for group in self.param_groups for p in group["params"]], self.moves, strict=True):
            p.sub_(move)
        self.inner.step()
        return loss


def test_nested_step(recorded: Recorded) -> None:
    """SAM's inner step belongs to the outer one; its update goes from one outer step's end to the next."""

    def train() -> None:
        nonlocal seen
        net = small()
        seen = Seen(("net", net))
        optimizer = SAM(net.parameters(), lr=0.5)

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(X), Y)
            loss.backward()
            return loss

        for _ in range(3):
            seen.before()
            optimizer.step(closure)
            seen.gradient()
            seen.after()

    seen = Seen()
    training = recorded(train)
    assert training.steps == 3
    assert training.optimizers[0].type == "SAM"
    close(training, "backwards", None, [2] * 3)
    seen.agrees(training)


def test_a_closure_that_raises_leaves_the_next_step_whole(recorded: Recorded) -> None:
    def train() -> None:
        net = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

        def broken() -> Tensor:
            raise KeyError("the program's own")

        for i in range(3):
            if i == 1:
                with pytest.raises(KeyError):
                    optimizer.step(broken)
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    assert recorded(train).steps == 3


def test_sparse_gradients(recorded: Recorded) -> None:
    def train() -> None:
        nonlocal seen
        net = nn.Sequential(nn.Embedding(50, 3, sparse=True), nn.Flatten(), nn.Linear(12, 2))
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for i in range(3):
            optimizer.zero_grad()
            seen.before()
            F.cross_entropy(net((X.abs() * 10).long() + i), Y).backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    seen.agrees(recorded(train))


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing(reentrant: bool, recorded: Recorded) -> None:
    """Nothing counts twice, and no forward runs for our sake."""
    forwards = 0

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x: Tensor) -> Tensor:
            nonlocal forwards
            forwards += 1
            return torch.sigmoid(self.norm(self.inner(x)))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.block = Block()
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            hidden = checkpoint(self.block, self.first(x), use_reentrant=reentrant)
            return self.last(hidden)

    def train() -> None:
        nonlocal seen
        net = Net()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            F.cross_entropy(net(X), Y).backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    assert forwards == 6  # one in the forward, one in the recomputation, each step
    seen.agrees(training)
    close(training, "backwards", None, [1] * 3)
    assert not [layer.path for layer in training.layers if "#" in layer.path]
    places = training.places("output_std")
    assert {"net.first", "net.last"} <= set(places)


def test_reused_modules_have_a_place_a_call(recorded: Recorded) -> None:
    seen: list[list[Tensor]] = []

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            seen.append([])
            for _ in range(6):
                x = self.inner(x)
                x.retain_grad()
                seen[-1].append(x)
            return self.last(x)

    def train() -> None:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    training = recorded(train)
    assert training.places("output_mean") == ("net.inner", "net.inner#2", "net.inner#3", "net.inner#4", "net.last")
    for i in range(3):
        place = "net.inner" if i == 0 else f"net.inner#{i + 1}"
        close(training, "output_mean", place, [calls[i].mean().item() for calls in seen])
        close(training, "output_gradient_norm", place, [calls[i].grad.norm().item() for calls in seen])
    assert [p.path for p in training.parameters] == ["net.inner.weight", "net.inner.bias", "net.last.weight", "net.last.bias"]


def test_tied_weights_are_one_parameter(recorded: Recorded) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(7, 4)
            self.last = nn.Linear(4, 7, bias=False)
            self.last.weight = self.embedding.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.embedding(x))

    def train() -> None:
        nonlocal seen
        net = Net()
        seen = Seen(("net", net))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            F.cross_entropy(net(torch.arange(7)), torch.arange(7)).backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    assert [p.path for p in training.parameters] == ["net.embedding.weight"]
    seen.agrees(training)


@pytest.mark.parametrize("inplace", [False, True])
def test_in_place_activations(inplace: bool, recorded: Recorded) -> None:
    """The gradient with respect to the linear map's output is the same whether the activation overwrites it or not."""

    def train() -> None:
        torch.manual_seed(5)
        net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=inplace), nn.Linear(5, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    def reference() -> list[tuple[float, float]]:
        torch.manual_seed(5)
        net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
        found = []
        for _ in range(3):
            hidden = net[0](X)
            hidden.retain_grad()
            net.zero_grad()
            F.cross_entropy(net[2](net[1](hidden)), Y).backward()
            found.append((hidden.grad.norm().item(), hidden.mean().item()))
            with torch.no_grad():
                for p in net.parameters():
                    p -= 0.5 * p.grad
        return found

    expected = reference()
    training = recorded(train)
    close(training, "output_gradient_norm", "net.0", [gradient for gradient, _ in expected])
    close(training, "output_mean", "net.0", [mean for _, mean in expected])
    assert [(e.source, e.target) for e in training.edges if e.source.startswith("net")][:2] == [("net.0", "net.1"), ("net.1", "net.2")]


def test_a_view_that_is_changed_in_place_later(recorded: Recorded) -> None:
    """Hooks on such a view never fire: its gradient is that of its base, or not observed, never zero."""
    seen: list[Tensor] = []

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv1d(1, 2, 1)
            self.flat = nn.Flatten()
            self.last = nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            made = self.first(x.unsqueeze(1))
            flat = self.flat(made)
            flat.mul_(2.0)
            made.retain_grad()
            seen.append(made)
            return self.last(flat)

    def train() -> None:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    training = recorded(train)
    measured = training.series("output_gradient_norm", "net.flat").measured()
    # `retain_grad` comes after `mul_`, so it holds d loss / d (2 × output)
    expected = [2 * t.grad.norm().item() for t in seen]
    close(training, "output_gradient_norm", "net.first", expected)
    assert len(measured) == 0 or measured.values == pytest.approx(expected, rel=1e-4)


@dataclass
class Answer:
    logits: Tensor
    extra: None = None


@pytest.mark.parametrize("make", [lambda t: {"logits": t}, lambda t: (t, None), lambda t: [t], lambda t: Answer(t)])
def test_outputs_of_any_kind(make: Callable[[Tensor], Any], recorded: Recorded) -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 2) / 4)

        def forward(self, x: Tensor) -> Any:
            return make(x @ self.weight)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.head = Head()

        def forward(self, x: Tensor) -> Any:
            return self.head(self.first(x))

    def train() -> None:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        for _ in range(3):
            optimizer.zero_grad()
            answer = net(X)
            parts = [answer.logits] if isinstance(answer, Answer) else answer.values() if isinstance(answer, dict) else answer
            logits = next(iter(parts))
            means.append(logits.mean().item())
            F.cross_entropy(logits, Y).backward()
            optimizer.step()

    means: list[float] = []
    training = recorded(train)
    close(training, "output_mean", "net.head", means)
    assert training.losses[0].layer == "net.head"


def test_frozen_parts(recorded: Recorded) -> None:
    def train() -> None:
        nonlocal seen
        net = small()
        net[0].requires_grad_(False)
        seen = Seen(("net.2", net[2]))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            F.cross_entropy(net(X), Y).backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    assert [p.trainable for p in training.parameters] == [False, False, True, True]
    assert not len(training.series("gradient_norm", "net.0.weight").measured())
    assert training.series("gradient_present", "net.0.weight").values.tolist() == [0] * 3
    assert training.places("output_mean") == ("net.0", "net.1", "net.2")


def test_parameters_without_a_gradient_are_not_observed_as_zero(recorded: Recorded) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Linear(4, 2)
            self.unused = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    def train() -> None:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    training = recorded(train)
    assert [p.reached for p in training.parameters] == [True, True, False, False]
    assert not len(training.series("gradient_norm", "net.unused.weight").measured())
    close(training, "update_norm", "net.unused.weight", [0] * 3)


def test_moving_average_copies_are_not_observed(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        average = copy.deepcopy(net)
        for _ in range(4):
            optimizer.zero_grad()
            with torch.no_grad():
                average(X)
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()
            with torch.no_grad():
                for kept, new in zip(average.parameters(), net.parameters(), strict=True):
                    kept.mul_(0.9).add_(new, alpha=0.1)

    training = recorded(train)
    assert training.networks == ("net",)
    assert training.places("output_mean") == ("net.0", "net.1", "net.2")
    assert training.evaluations == ()


def test_uncleared_gradients(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        for i in range(6):
            if i == 3:
                optimizer.zero_grad(set_to_none=i % 2 == 0)
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    values = recorded(train).series("uncleared")
    assert values.finite().values.tolist() == [1, 1, 0, 1, 1]


def test_uncleared_gradients_are_not_called_cleared_where_nobody_looked(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With half of the budget used, the steps between snapshots keep little more than the loss."""
    monkeypatch.setattr(Schedule, "spare", lambda self: True)

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        for _ in range(60):
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    values = recorded(train, every=3).series("uncleared")
    assert set(values.finite().values) == {1.0} and len(values.finite()) < 59


@pytest.mark.parametrize("clear", ["none", "zero", "by hand", "net"])
def test_cleared_gradients_in_every_way(clear: str, recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        for _ in range(4):
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()
            if clear == "by hand":
                for p in net.parameters():
                    p.grad.data.zero_()
            elif clear == "net":
                net.zero_grad()
            else:
                optimizer.zero_grad(set_to_none=clear == "none")

    assert recorded(train).series("uncleared").finite().values.tolist() == [0, 0, 0]


def test_recurrent_places_and_time(recorded: Recorded) -> None:
    from .families import lstm

    training = recorded(lambda: lstm(4))
    assert [layer.path for layer in training.layers] == ["net.embedding", "net.lstm", "net.head"]
    assert training.series("through_time", "net.lstm").values.shape[1] == 8


@pytest.mark.parametrize(("cut", "handed"), [(True, [0, 1, 1]), (False, [0, 0, 0])])
def test_a_state_is_handed_on_where_no_gradient_goes_back_through_it(recorded: Recorded, cut: bool, handed: list[int]) -> None:
    def train() -> None:
        net, first = nn.LSTM(3, 4, batch_first=True), nn.LSTM(3, 4, batch_first=True)
        optimizer = torch.optim.SGD([*net.parameters(), *first.parameters()], 0.1)
        state = None
        for _ in range(3):
            optimizer.zero_grad()
            out, after = net(torch.randn(2, 5, 3), state)
            out.square().mean().backward()
            optimizer.step()
            state = tuple(s.detach() for s in after) if cut else first(torch.randn(2, 5, 3))[1]

    given = recorded(train).series("state_handed_on", "net").values
    assert (given > 0).astype(int).tolist() == handed


def test_dead_units_are_counted_over_snapshots(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        with torch.no_grad():
            net[0].weight[:2] = 0
            net[0].bias[:2] = -1
            net[0].bias[2:] = 9
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    values = recorded(train).series("dead_share", "net.1").measured()
    assert values.steps.tolist() == [2, 3, 4]
    assert values.values.tolist() == pytest.approx([0.4] * 3)


def test_every_n_steps(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
        for _ in range(10):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    training = recorded(train, every=4)
    assert training.series("gradient_norm", "net.0.weight").steps.tolist() == [0, 4, 8]
    assert training.series("output_mean", "net.1").steps.tolist() == [0, 4, 8]
    assert training.series("loss").steps.tolist() == list(range(10))


def test_no_snapshot_is_missed_by_default(observing: Observing) -> None:
    with observing(every=None) as session:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
        for _ in range(4):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()
    steps = session.run.trainings[0].series("gradient_norm", "net.0.weight").steps.tolist()
    assert steps[:3] == [0, 1, 2]


def test_memory_is_looked_at_with_every_snapshot(recorded: Recorded) -> None:
    def train() -> None:
        net = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(30):
            optimizer.zero_grad()
            net(torch.ones(4, 3)).square().mean().backward()
            optimizer.step()

    training = recorded(train, every=5)
    snapshots = training.series("weight_norm", training.parameters[0].path).steps.tolist()
    assert training.series("memory_bytes").finite().steps.tolist() == snapshots
    assert len(snapshots) >= 6


def test_a_tensor_that_a_module_holds_without_making_it_a_parameter(recorded: Recorded) -> None:
    """It gets gradients, and no optimizer knows it; a leaf that is the program's own (an input) is left alone."""

    class Bumps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.centres = torch.randn(3, 4, requires_grad=True)
            self.out = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(torch.exp(-torch.cdist(x, self.centres)))

    def train() -> None:
        net, given = Bumps(), X.clone().requires_grad_()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(given), Y).backward()
            optimizer.step()

    parameters = {p.path: p for p in recorded(train).parameters}
    assert set(parameters) == {"net.centres", "net.out.weight", "net.out.bias"}
    assert parameters["net.centres"].reached and not parameters["net.centres"].optimized and parameters["net.out.weight"].optimized
