"""Evaluations: told from training, set from set, and repeated where a program computes only an accuracy."""

import copy
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from diagnose.observe.schedule import Schedule
from diagnose.run import EvaluationSet, Training

from .conftest import Observing, Recorded


@pytest.fixture(params=["nothing compiled", "something compiled"])
def compiler(request: pytest.FixtureRequest) -> Iterator[None]:
    """A program that has compiled something: dynamo then stands between its calls and us."""
    import torch._dynamo

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    if request.param == "something compiled":
        torch.compile(torch.sin, backend="eager")(torch.ones(2))
        torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2))
        assert torch._dynamo.utils.counters["frames"]
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def data(samples: int, seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, 4, generator=generator)
    return TensorDataset(x, (x.sum(1) > 0).long())


def small(dropout: float = 0.0) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))


def fit(net: nn.Module, optimizer: torch.optim.Optimizer, loader: Iterable[Any]) -> None:
    net.train()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()


def by_name(training: Training) -> dict[str, EvaluationSet]:
    assert len({e.name for e in training.evaluations}) == len(training.evaluations), [e.id for e in training.evaluations]
    return {e.name: e for e in training.evaluations}


def same(found: EvaluationSet, losses: list[float]) -> None:
    np.testing.assert_allclose(found.loss, losses, rtol=1e-5)


@pytest.mark.parametrize("grad", [False, True], ids=["no_grad", "with gradients"])
@pytest.mark.parametrize("mode", [False, True], ids=["eval", "train"])
def test_an_evaluation_is_a_loss_that_no_backward_reaches(grad: bool, mode: bool, recorded: Recorded) -> None:
    """Neither no_grad nor the mode is the criterion; both are facts."""
    losses: list[float] = []
    accuracies: list[float] = []

    def validate() -> None:
        net.train(mode)
        total, right = 0.0, 0
        with torch.set_grad_enabled(grad):
            for x, y in held_out:
                output = net(x)
                total += F.cross_entropy(output, y).item() * len(y)
                right += int((output.argmax(1) == y).sum())
        losses.append(total / 20)
        accuracies.append(right / 20)

    def train() -> None:
        nonlocal net
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            fit(net, optimizer, loader)
            validate()

    net: Any = None
    loader, held_out = DataLoader(data(24, 1), batch_size=8), DataLoader(data(20, 2), batch_size=8)
    training = recorded(train)
    assert [site.role for site in training.losses] == ["training"]
    (found,) = training.evaluations
    same(found, losses)
    if mode and grad:  # as training until the next step shows that it was none: too late to look at the outputs
        assert np.isnan(found.accuracy).all()
    else:
        assert found.accuracy.tolist() == pytest.approx(accuracies)
    assert found.steps.tolist() == [2, 5, 8]
    assert found.samples.tolist() == [20] * 3 and found.batches.tolist() == [3] * 3
    assert found.grad_enabled is grad
    assert found.name == "validate" and not found.shadow
    assert found.site.function == "cross_entropy"
    assert found.same_data == 0
    assert found.site.id != training.losses[0].id
    assert len(training.series("training_loss", training.losses[0].id)) == 9


def test_one_loss_function_for_training_and_an_evaluation_with_gradients(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once the budget is used, when a line that has trained often is no longer looked at."""
    monkeypatch.setattr(Schedule, "spare", lambda self: True)
    kept: list[Tensor] = []

    def loss_of(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(net(x), y)

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loader, held_out = DataLoader(data(800, 1), batch_size=8), DataLoader(data(160, 2), batch_size=8)
        for _ in range(3):
            net.train()
            for x, y in loader:
                optimizer.zero_grad()
                loss_of(net, x, y).backward()
                optimizer.step()
            net.eval()
            kept.extend(loss_of(net, x, y) for x, y in held_out)

    training = recorded(train, every=70)
    (found,) = training.evaluations
    same(found, np.reshape([loss.item() for loss in kept], (3, 20)).mean(axis=1).tolist())
    assert found.grad_enabled is True
    assert training.series("graphs_kept").finite().values.max() >= 20  # of the first evaluation, at the second


def test_the_noise_of_a_pass(recorded: Recorded) -> None:
    losses: list[float] = []

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loader, held_out = DataLoader(data(8, 1), batch_size=8), DataLoader(data(24, 2), batch_size=8)
        fit(net, optimizer, loader)
        with torch.no_grad():
            for x, y in held_out:
                losses.append(F.cross_entropy(net(x), y).item())
        fit(net, optimizer, loader)

    (found,) = recorded(train).evaluations
    assert found.noise[0] == pytest.approx(np.std(losses, ddof=1) / np.sqrt(3), rel=1e-5)


def test_sums_over_samples(recorded: Recorded) -> None:
    totals: list[float] = []

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        loader, held_out = DataLoader(data(8, 1), batch_size=8), DataLoader(data(20, 2), batch_size=8)
        for _ in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(net(x), y, reduction="sum").backward()
                optimizer.step()
            with torch.no_grad():
                totals.append(sum(F.cross_entropy(net(x), y, reduction="sum").item() for x, y in held_out) / 20)

    (found,) = recorded(train).evaluations
    same(found, totals)


def test_only_like_is_compared_with_like(recorded: Recorded) -> None:
    """The same line with other arguments is another series."""

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        x, y = data(8, 1).tensors
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
            with torch.no_grad():
                for reduction in ("mean", "sum"):
                    F.cross_entropy(net(x), y, reduction=reduction)

    found = recorded(train).evaluations
    assert sorted(e.site.arguments["reduction"] for e in found) == ["mean", "sum"]


def test_a_teacher_under_no_grad_is_no_evaluation(recorded: Recorded) -> None:
    def train() -> None:
        teacher, student = small(), small()
        teacher.eval()
        optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
        for x, y in DataLoader(data(24, 1), batch_size=8):
            with torch.no_grad():
                aim = teacher(x).softmax(1)
            optimizer.zero_grad()
            output = student(x)
            loss = 0.3 * F.cross_entropy(output, y) + 6.3 * F.kl_div(output.log_softmax(1), aim, reduction="batchmean")
            loss.backward()
            optimizer.step()

    training = recorded(train)
    assert training.evaluations == ()
    weights = {site.function: site.weight for site in training.losses}
    assert weights == {"cross_entropy": pytest.approx(0.3), "kl_div": pytest.approx(6.3)}
    assert training.networks == ("student",)


def test_a_loss_computed_before_another_networks_step_still_trains(recorded: Recorded) -> None:
    def train() -> None:
        one, two = small(), small()
        first, second = torch.optim.SGD(one.parameters(), lr=0.1), torch.optim.SGD(two.parameters(), lr=0.1)
        x, y = data(8, 1).tensors
        for _ in range(3):
            a = F.cross_entropy(one(x), y)
            b = F.cross_entropy(two(x), y)
            first.zero_grad()
            a.backward()
            first.step()
            second.zero_grad()
            b.backward()
            second.step()

    training = recorded(train)
    assert training.evaluations == ()
    assert len(training.losses) == 2
    by_line = sorted(training.losses, key=lambda site: site.source.line if site.source else 0)
    assert [len(training.series("training_loss", site.id)) for site in by_line] == [3, 3]
    assert [site.optimizer for site in by_line] == [0, 1]


def test_two_sets_told_apart_by_a_local(recorded: Recorded) -> None:
    """As nanoGPT does it: one line, one loop, the variable `split` alone tells them apart."""
    expected: dict[str, list[float]] = {"train": [], "val": []}

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        sets = {"train": data(32, 1).tensors, "val": data(32, 2).tensors}

        def get_batch(split: str) -> Any:
            at = torch.randint(32, (8,))
            return sets[split][0][at], sets[split][1][at]

        @torch.no_grad()
        def estimate_loss() -> None:
            net.eval()
            for split in ["train", "val"]:
                losses = torch.zeros(4)
                for k in range(4):
                    x, y = get_batch(split)
                    losses[k] = F.cross_entropy(net(x), y).item()
                expected[split].append(losses.mean().item())
            net.train()

        for i in range(9):
            if i % 3 == 0:
                estimate_loss()
            x, y = get_batch("train")
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()

    found = by_name(recorded(train))
    assert set(found) == {"train", "val"}
    for name, losses in expected.items():
        same(found[name], losses)
    assert found["train"].same_data is not None and found["val"].same_data == 0


def test_the_time_of_a_pass_holds_what_the_network_takes_for_its_first_batch(recorded: Recorded) -> None:
    """A set that is given in one batch is evaluated before its loss is compared."""

    class Slow(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            if not self.training:
                time.sleep(0.02)
            return super().forward(x)

    def train() -> None:
        net = Slow(nn.Linear(4, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x, y = data(40, 1).tensors
        for _ in range(4):
            fit(net, optimizer, DataLoader(data(8, 0), batch_size=8))
            with torch.no_grad():
                F.cross_entropy(net.eval()(x), y)

    spent = recorded(train).series("evaluation_seconds").values
    assert 3 * 0.02 <= spent.sum() < 1


def test_what_an_evaluation_waits_for_its_batches_is_not_the_trainings(recorded: Recorded) -> None:
    class Slow(torch.utils.data.TensorDataset):
        def __getitem__(self, i: int) -> tuple[Tensor, ...]:
            time.sleep(0.005)
            return super().__getitem__(i)

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        held_out = DataLoader(Slow(*data(12, 1).tensors), batch_size=4)
        for _ in range(4):
            fit(net, optimizer, DataLoader(Slow(*data(4, 0).tensors), batch_size=4))
            with torch.no_grad():
                for x, y in held_out:
                    F.cross_entropy(net.eval()(x), y)

    training = recorded(train)
    waited, evaluated = training.series("data_seconds").values, training.series("evaluation_seconds").values
    assert np.all(waited >= 4 * 0.005) and np.median(waited) < np.median(evaluated[1:])  # one batch of the training's, three of the other
    assert np.all(evaluated[1:] >= 12 * 0.005)


def test_two_sets_evaluated_in_one_line(recorded: Recorded) -> None:
    """By the instruction that calls: `print(evaluate(train), evaluate(val))`."""
    x, y = data(40, 1).tensors
    losses: list[tuple[float, float]] = []

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

        def score(x: Tensor, y: Tensor) -> float:
            with torch.no_grad():
                return F.cross_entropy(net.eval()(x), y).item()

        for _ in range(3):
            fit(net, optimizer, DataLoader(data(24, 0), batch_size=8))
            losses.append((score(x[:30], y[:30]), score(x[30:], y[30:])))

    first, second = recorded(train).evaluations
    same(first, [one for one, _ in losses])
    same(second, [other for _, other in losses])


def test_two_sets_told_apart_by_the_line_that_calls(recorded: Recorded) -> None:
    expected: tuple[list[float], list[float]] = ([], [])

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = data(16, 1).tensors, data(16, 2).tensors

        def evaluate(x: Tensor, y: Tensor) -> float:
            with torch.no_grad():
                return F.cross_entropy(net(x), y).item()

        for _ in range(3):
            fit(net, optimizer, [first])
            expected[0].append(evaluate(*first))
            expected[1].append(evaluate(*second))

    found = recorded(train).evaluations
    assert len(found) == 2
    for one, losses in zip(sorted(found, key=lambda e: e.same_data or 0, reverse=True), expected, strict=True):
        same(one, losses)
    assert sorted(e.same_data or 0 for e in found) == [0, 1]


def test_two_loaders_in_one_function(recorded: Recorded) -> None:
    expected: tuple[list[float], list[float]] = ([], [])

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loaders = [DataLoader(data(16, 1), batch_size=8), DataLoader(data(16, 2), batch_size=8)]
        for _ in range(3):
            fit(net, optimizer, loaders[0])
            net.eval()
            with torch.no_grad():
                for i, loader in enumerate(loaders):
                    expected[i].append(sum(F.cross_entropy(net(x), y).item() for x, y in loader) / 2)

    found = recorded(train).evaluations
    assert len(found) == 2
    for one, losses in zip(found, expected, strict=True):
        same(one, losses)
    assert [e.same_data for e in found] == [1, 0]


def test_messages_are_no_names_of_sets(recorded: Recorded) -> None:
    """A formatted text among the variables has another value in every pass: it tells no sets apart."""

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x, y = data(16, 1).tensors

        def evaluate(epoch: int) -> None:
            message = f"epoch {epoch}"
            with torch.no_grad():
                assert message, F.cross_entropy(net(x), y)

        def really(epoch: int) -> float:
            message = f"epoch {epoch}"
            with torch.no_grad():
                value = F.cross_entropy(net(x), y).item()
            assert message
            return value

        for epoch in range(12):
            fit(net, optimizer, [(x, y)])
            evaluate(epoch)
            really(epoch)

    found = recorded(train).evaluations
    assert max(len(e) for e in found) >= 8


@pytest.mark.parametrize("function", ["cross_entropy", "nll_loss", "binary_cross_entropy_with_logits"])
def test_accuracy_only_gets_the_loss_it_would_have_computed(function: str, recorded: Recorded) -> None:
    """Bit for bit the loss that the same program computes when it does compute one."""
    weights = torch.tensor([0.3, 0.7])

    def script(computing: bool) -> Any:
        torch.manual_seed(3)
        net: nn.Module = small(0.2)
        if function == "nll_loss":
            net = nn.Sequential(net, nn.LogSoftmax(1))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loader, held_out = DataLoader(prepared(1), batch_size=8, shuffle=True), DataLoader(prepared(2), batch_size=8)
        if function == "cross_entropy":
            criterion: Any = nn.CrossEntropyLoss(weight=weights, label_smoothing=0.1)
        else:
            criterion = nn.NLLLoss() if function == "nll_loss" else nn.BCEWithLogitsLoss()
        for _ in range(3):
            net.train()
            for x, y in loader:
                optimizer.zero_grad()
                criterion(net(x), y).backward()
                optimizer.step()
            net.eval()
            right = 0
            with torch.no_grad():
                for x, y in held_out:
                    output = net(x)
                    if computing:
                        criterion(output, y)
                    right += int((output.argmax(1) == y).sum()) if y.dim() == 1 else 0

    def prepared(seed: int) -> TensorDataset:
        x, y = data(24, seed).tensors
        return TensorDataset(x, F.one_hot(y, 2).float() if function.startswith("binary") else y)

    (shadow,) = recorded(lambda: script(False)).evaluations
    (real,) = recorded(lambda: script(True)).evaluations
    assert shadow.shadow and not real.shadow
    assert shadow.loss.tolist() == real.loss.tolist()
    assert shadow.accuracy.tolist() == real.accuracy.tolist()
    assert shadow.samples.tolist() == real.samples.tolist() == [24] * 3
    assert shadow.site.function == real.site.function == function
    assert shadow.same_data == real.same_data == 0


def test_no_loss_is_repeated_where_it_might_be_another(recorded: Recorded) -> None:
    """The target is not the batch's second item: what the evaluation's loss would be, we cannot know."""

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loader = DataLoader(data(24, 1), batch_size=8)
        for _ in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(net(x), 1 - y).backward()
                optimizer.step()
            with torch.no_grad():
                for x, _ in loader:
                    net(x)

    assert recorded(train).evaluations == ()


def test_no_loss_is_repeated_on_a_part_of_the_network(observing: Observing) -> None:
    """A frozen trunk runs without gradients inside the training's own step."""

    def train() -> None:
        torch.manual_seed(0)
        whole = small()
        optimizer = torch.optim.SGD(whole.parameters(), lr=0.1)
        loader = DataLoader(data(24, 1), batch_size=8)
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(whole(x), y).backward()
            optimizer.step()
        trunk, head = nn.Sequential(nn.Linear(4, 9), nn.ReLU()), nn.Linear(9, 2)
        optimizer = torch.optim.SGD([*trunk.parameters(), *head.parameters()], lr=0.1)
        for _ in range(3):
            for x, y in loader:
                with torch.no_grad():
                    features = trunk(x)
                optimizer.zero_grad()
                F.cross_entropy(head(features), y).backward()
                optimizer.step()

    with observing(every=1) as session:
        train()
    trainings = session.run.trainings
    assert len(trainings) == 2 and not [one for training in trainings for one in training.evaluations]


def test_no_loss_is_repeated_on_a_network_in_rollout(recorded: Recorded) -> None:
    """Without a loader there is no target: a policy that acts is not evaluated."""

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            with torch.no_grad():
                for _ in range(4):
                    net(torch.randn(1, 4))
            optimizer.zero_grad()
            F.cross_entropy(net(torch.randn(8, 4)), torch.arange(8) % 2).backward()
            optimizer.step()

    assert recorded(train).evaluations == ()


def test_evaluation_in_training_mode_is_told_by_its_layers(recorded: Recorded) -> None:
    def train() -> None:
        net = small(0.5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = data(16, 1).tensors, data(16, 2).tensors

        def in_training_mode() -> None:
            with torch.no_grad():
                F.cross_entropy(net(second[0]), second[1])

        def properly() -> None:
            net.eval()
            with torch.no_grad():
                F.cross_entropy(net(second[0]), second[1])

        for _ in range(2):
            fit(net, optimizer, [first])
            in_training_mode()
            properly()

    found = by_name(recorded(train))
    assert found["in_training_mode"].training_layers == ("net.2",)
    assert found["in_training_mode"].evaluation_layers == ()
    assert found["properly"].evaluation_layers == ("net.2",)
    assert found["properly"].training_layers == ()


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("told", [False, True])
def test_a_dropout_called_as_a_function_drops_in_evaluation_too_unless_it_is_told(told: bool, recorded: Recorded) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.drop, self.last = nn.Linear(4, 64), nn.Dropout(0.3), nn.Linear(64, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.drop(torch.relu(self.first(x)))
            return self.last(F.dropout(x, 0.5, self.training) if told else F.dropout(x, p=0.5))

    def train() -> None:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = data(16, 1).tensors, data(16, 2).tensors
        for _ in range(3):
            net.train()
            fit(net, optimizer, [first])
            net.eval()
            with torch.no_grad():
                F.cross_entropy(net(second[0]), second[1])

    (found,) = recorded(train).evaluations
    assert found.evaluation_layers == ("net.drop",)
    assert found.training_layers == (() if told else ("net.drop/dropout",))


class Loose(nn.Module):
    """A dropout that is kept in a plain list, in a list of modules, made in `forward`, or one of a teacher that is no part of it."""

    def __init__(self, kept: str) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 64), nn.Linear(64, 2)
        self.drops: Any = [nn.Dropout(0.3), nn.Sequential(nn.Dropout(0.4))]
        if kept == "modules":
            self.drops = nn.ModuleList(self.drops)
        self.kept = kept
        self.teacher = [small(0.5)]

    def forward(self, x: Tensor) -> Tensor:
        if self.kept == "teacher":
            with torch.no_grad():
                self.teacher[0](x)
            return self.last(torch.relu(self.first(x)))
        first = nn.Dropout(0.3) if self.kept == "made" else self.drops[0]
        return self.last(self.drops[1](first(self.first(x))) if self.kept == "list" else first(self.first(x)))


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize(("kept", "found"), [
    ("list", ("net.drops[0]", "net/dropout")),  # the second stands in a container that is in the list
    ("modules", ()), ("made", ("net/dropout",)), ("teacher", ()),
])  # fmt: skip
def test_a_dropout_that_the_network_does_not_hold_drops_in_evaluation_too(
    kept: str, found: tuple[str, ...], recorded: Recorded
) -> None:
    def train() -> None:
        net = Loose(kept)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = data(16, 1).tensors, data(16, 2).tensors
        for _ in range(3):
            net.train()
            fit(net, optimizer, [first])
            net.eval()
            with torch.no_grad():
                F.cross_entropy(net(second[0]), second[1])

    training = recorded(train)
    (evaluation,) = training.evaluations
    assert evaluation.training_layers == found
    for path in found:
        layer = training.layer(path)
        assert layer is not None and layer.settings["registered"] is False and layer.network == "net"


def test_a_copy_that_is_evaluated_is_not_judged_by_the_mode_of_the_network_that_trains(recorded: Recorded) -> None:
    """A mean teacher: the average of the weights is evaluated in evaluation mode, while the student stays in training mode."""

    def program() -> None:
        net = small(0.5)
        teacher = copy.deepcopy(net).eval()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        held_out = data(64, 1)
        for _ in range(4):
            fit(net, optimizer, DataLoader(data(64, 0), batch_size=16))
            with torch.no_grad():
                for mean, now in zip(teacher.parameters(), net.parameters(), strict=True):
                    mean.lerp_(now, 0.5)
                F.cross_entropy(teacher(held_out.tensors[0]), held_out.tensors[1])

    (found,) = recorded(program).evaluations
    assert len(found) == 4 and found.training_layers == () == found.evaluation_layers


def test_data_shared_with_training(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x, y = data(16, 1).tensors
        other, labels = data(8, 2).tensors
        mixed, theirs = torch.cat([x[:8], other]), torch.cat([y[:8], labels])
        for _ in range(2):
            fit(net, optimizer, DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True))
            with torch.no_grad():
                F.cross_entropy(net(mixed), theirs)

    (found,) = recorded(train).evaluations
    assert found.same_data == pytest.approx(0.5)


def test_a_network_that_computes_its_loss_itself_is_not_evaluated_on_the_batch_it_trained_on_last(recorded: Recorded) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(4, 2)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return F.cross_entropy(self.out(x), y)

    def train() -> None:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        (x, y), (u, v) = data(16, 1).tensors, data(16, 2).tensors
        for _ in range(4):
            net.train()
            for _ in range(2):
                optimizer.zero_grad()
                net(x, y).backward()
                optimizer.step()
            net.eval()
            with torch.no_grad():
                for _ in range(2):
                    net(u, v)

    (found,) = recorded(train).evaluations
    assert found.same_data is None or found.same_data == 0


def test_an_evaluation_after_the_last_step_is_kept(recorded: Recorded) -> None:
    values: list[float] = []

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = data(16, 1).tensors, data(16, 2).tensors
        fit(net, optimizer, [first] * 3)
        net.eval()
        values.append(F.cross_entropy(net(second[0]), second[1]).item())

    (found,) = recorded(train).evaluations
    same(found, values)
    assert found.steps.tolist() == [2]


def test_loaders_and_epochs(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loader = DataLoader(data(20, 1), batch_size=8, shuffle=True)
        for _ in range(3):
            fit(net, optimizer, loader)

    training = recorded(train)
    assert training.epochs == (0, 3, 6)
    loader = training.facts["data"]["loader"]
    assert {k: loader[k] for k in ("class", "batch_size", "shuffle", "dataset", "dataset_size", "workers", "drop_last")} == {
        "class": "DataLoader", "batch_size": 8, "shuffle": True, "dataset": "TensorDataset", "dataset_size": 20, "workers": 0,
        "drop_last": False,
    }  # fmt: skip
    assert training.series("samples").values.tolist() == [8, 8, 4] * 3


def test_loaders_keep_their_type_and_length() -> None:
    """Nothing of ours shows at the program's iterator."""
    loader = DataLoader(data(20, 1), batch_size=8)
    assert type(iter(loader)).__name__ == "_SingleProcessDataLoaderIter"
    assert len(iter(loader)) == 3


class OfTwo(nn.Module):
    """Categories and measured numbers, as two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.last = nn.Embedding(3, 4), nn.Linear(8, 2)

    def forward(self, categories: Tensor, numbers: Tensor) -> Tensor:
        return self.last(torch.cat([self.words(categories).flatten(1), numbers], 1))


@pytest.mark.parametrize("shared", [0, 10, 40])
def test_a_sample_is_all_that_the_network_is_given_of_it(shared: int, recorded: Recorded) -> None:
    """The same category in two rows makes them no copies."""

    def train() -> None:
        net = OfTwo()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = ((torch.randint(0, 3, (40, 1)), torch.randn(40, 4), torch.randint(0, 2, (40,))) for _ in range(2))
        for mine, theirs in zip(second[:2], first[:2], strict=True):
            mine[:shared] = theirs[:shared]
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(*first[:2]), first[2]).backward()
            optimizer.step()
            with torch.no_grad():
                F.cross_entropy(net(*second[:2]), second[2])

    (found,) = recorded(train).evaluations
    assert found.same_data == pytest.approx(shared / 40) and found.chance_data == 0


def test_rows_of_categories_meet_by_chance(recorded: Recorded) -> None:
    """Of drawn rows about as many are found among the training's as follows from how often those of one pass are equal: somewhat
    more, for of the training's only those count that differ."""

    def train() -> None:
        net = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = (torch.randint(0, 5, (count, 4)).float() for count in (600, 300))
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(first), torch.zeros(600, dtype=torch.long)).backward()
            optimizer.step()
            with torch.no_grad():
                F.cross_entropy(net(second), torch.zeros(300, dtype=torch.long))

    (found,) = recorded(train).evaluations
    assert found.same_data is not None and 0.5 < found.same_data < 0.8
    assert found.chance_data is not None and found.same_data < 1.5 * found.chance_data < 1.5 * found.same_data


@pytest.mark.parametrize("times", [1, 8])
def test_dropout_that_is_sampled_is_meant(times: int, recorded: Recorded) -> None:
    """Several answers to the same question are an ensemble of masks; one is a forgotten `eval()`."""

    def train() -> None:
        net = small(0.5)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = data(16, 1).tensors, data(16, 2).tensors
        for _ in range(3):
            fit(net, optimizer, [first])
            with torch.no_grad():
                F.cross_entropy(torch.stack([net(second[0]) for _ in range(times)]).mean(0), second[1])

    (found,) = recorded(train).evaluations
    assert found.training_layers == (() if times > 1 else ("net.2",))


class Attending(nn.Module):
    def __init__(self, told: bool) -> None:
        super().__init__()
        self.first, self.last, self.told = nn.Linear(4, 48), nn.Linear(16, 2), told

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.first(x).view(4, -1, 48).chunk(3, -1)
        p = 0.5 if self.training or not self.told else 0.0
        return self.last(F.scaled_dot_product_attention(q, k, v, dropout_p=p)).flatten(0, 1)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("told", [False, True])
def test_attention_called_as_a_function_drops_in_evaluation_too_unless_it_is_told(told: bool, recorded: Recorded) -> None:
    def train() -> None:
        net = Attending(told)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        first, second = data(64, 1).tensors, data(64, 2).tensors
        for _ in range(3):
            net.train()
            fit(net, optimizer, [first])
            net.eval()
            with torch.no_grad():
                F.cross_entropy(net(second[0]), second[1])

    (found,) = recorded(train).evaluations
    assert found.training_layers == (() if told else ("net.first/dropout",))


@pytest.mark.parametrize(("pairs", "known"), [(30, False), (80, True)])
def test_samples_of_a_loss_that_are_not_the_networks_are_not_compared(pairs: int, known: bool, recorded: Recorded) -> None:
    """Pairs of a graph's nodes: the network is given all nodes each time. A loss over all steps of sequences is of these."""

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x = torch.randn(40, 4)
        one, other = (torch.randint(0, 40, (pairs,)) for _ in range(2))
        for _ in range(3):
            optimizer.zero_grad()
            found = net(x)
            F.mse_loss((found[one] * found[other]).sum(1), torch.zeros(pairs)).backward()
            optimizer.step()
            with torch.no_grad():
                found = net(x)
                F.mse_loss((found[one] * found[other]).sum(1), torch.zeros(pairs))

    (evaluation,) = recorded(train).evaluations
    assert evaluation.same_data == (1.0 if known else None)


class Noise(nn.Module):
    """A layer of the program's own that asks for the mode."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) if self.training else x


class Doubled(nn.Module):
    """One that does not."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


@pytest.mark.parametrize("forgotten", [True, False])
def test_layers_whose_code_asks_for_the_mode(forgotten: bool, recorded: Recorded) -> None:
    def train() -> None:
        net = nn.Sequential(Noise(), Doubled(), nn.Linear(4, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x, y = data(40, 1).tensors
        for _ in range(3):
            fit(net.train(), optimizer, DataLoader(data(8, 0), batch_size=8))
            with torch.no_grad():
                F.cross_entropy(net.train(forgotten)(x), y)

    (found,) = recorded(train).evaluations
    assert (found.training_layers, found.evaluation_layers) == ((("net.0",), ()) if forgotten else ((), ("net.0",)))
