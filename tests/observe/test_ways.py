"""Right values under the rarer ways to train: kinds of optimizers, double backward, torch.func, the program's own hooks."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.utils.data import DataLoader, TensorDataset

from diagnose.observe.session import Session
from diagnose.record.reader import load
from diagnose.record.writer import Writer

from .conftest import Observing, Recorded
from .test_values import Seen, X, Y, close, small


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.Adam(p, lr=0.1, foreach=True), lambda p: torch.optim.Adam(p, lr=0.1, foreach=False),
        lambda p: torch.optim.Adam(p, lr=0.1, fused=True), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, fused=True),
        lambda p: torch.optim.AdamW(p, lr=torch.tensor(0.1), amsgrad=True), lambda p: torch.optim.RMSprop(p, lr=0.01, capturable=False),
        lambda p: torch.optim.Adagrad(p), lambda p: torch.optim.Rprop(p), lambda p: torch.optim.Muon([q for q in p if q.dim() == 2]),
    ],
    ids=["foreach", "single", "fused", "fused-sgd", "tensor-rate", "rmsprop", "adagrad", "rprop", "muon"],
)  # fmt: skip
def test_every_kind_of_optimizer(make: Callable[[Any], torch.optim.Optimizer], recorded: Recorded) -> None:
    """The update is the weights' real change, whatever the optimizer does to the gradient."""

    def train() -> None:
        nonlocal seen
        net = nn.Sequential(nn.Linear(4, 5, bias=False), nn.Tanh(), nn.Linear(5, 2, bias=False))
        optimizer = make(list(net.parameters()))
        seen = Seen(("net", net))
        for _ in range(4):
            optimizer.zero_grad()
            seen.before()
            F.cross_entropy(net(X), Y).backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    seen.agrees(recorded(train))


def test_rates_of_schedulers_by_batch_and_by_epoch(recorded: Recorded) -> None:
    rates: list[float] = []

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        batchwise = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, total_iters=3)
        epochwise = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        for _ in range(3):
            for at in range(2):
                rates.append(optimizer.param_groups[0]["lr"])
                optimizer.zero_grad()
                F.cross_entropy(net(X[3 * at : 3 * at + 3]), Y[3 * at : 3 * at + 3]).backward()
                optimizer.step()
                batchwise.step()
            epochwise.step()

    training = recorded(train)
    assert len(set(rates)) > 4
    close(training, "learning_rate", None, rates)


def test_double_backward(recorded: Recorded) -> None:
    """A penalty on the input's gradient: the step's gradient holds its part, and nothing is counted twice."""

    def train() -> None:
        nonlocal seen
        net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        seen = Seen(("net", net))
        for _ in range(4):
            given = X.clone().requires_grad_()
            optimizer.zero_grad()
            seen.before()
            loss = F.cross_entropy(net(given), Y)
            (slope,) = torch.autograd.grad(loss, given, create_graph=True)
            whole = loss + slope.square().sum()
            losses.append(whole.item())
            whole.backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    losses: list[float] = []
    seen = Seen()
    training = recorded(train)
    assert training.steps == 4
    seen.agrees(training)
    close(training, "loss", None, losses)
    close(training, "backwards", None, [1] * 4)


def test_backward_through_a_gradient(recorded: Recorded) -> None:
    """`create_graph=True` in the program's own backward, then a second one through it."""

    def train() -> None:
        nonlocal seen
        net = nn.Linear(4, 1, bias=False)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        seen = Seen(("net", net))
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            F.mse_loss(net(X).squeeze(1), Y.float()).backward(create_graph=True)
            slope = net.weight.grad
            assert slope is not None
            optimizer.zero_grad()
            slope.square().sum().backward()
            seen.gradient()
            optimizer.step()
            seen.after()
            net.weight.grad = None

    seen = Seen()
    training = recorded(train)
    assert training.steps == 3
    seen.agrees(training)


test_backward_through_a_gradient = pytest.mark.filterwarnings("ignore:Using backward:UserWarning")(test_backward_through_a_gradient)


def test_torch_func(recorded: Recorded) -> None:
    """Gradients by `torch.func.grad`, put into `.grad` and stepped: they are the recorded ones."""

    def train() -> None:
        nonlocal seen
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        seen = Seen(("net", net))

        def loss(parameters: dict[str, Tensor]) -> Tensor:
            return F.cross_entropy(functional_call(net, parameters, (X,)), Y)

        for _ in range(3):
            seen.before()
            slopes = grad(loss)({name: p.detach() for name, p in net.named_parameters()})
            for name, parameter in net.named_parameters():
                parameter.grad = slopes[name]
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    assert training.steps == 3
    seen.agrees(training, updates=False)


def test_hooks_of_the_programs_own(recorded: Recorded) -> None:
    """What a layer puts out is what the program's own hook made of it; gradients are those after its gradient hooks."""
    outputs: list[Tensor] = []

    def train() -> None:
        nonlocal seen
        net = small()
        net[0].register_forward_hook(lambda module, given, output: 2 * output)
        net[2].weight.register_hook(lambda slope: 0.5 * slope)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        seen = Seen(("net", net))
        for _ in range(3):
            optimizer.zero_grad()
            seen.before()
            outputs.append(2 * (X @ net[0].weight.detach().t() + net[0].bias.detach()))
            F.cross_entropy(net(X), Y).backward()
            seen.gradient()
            optimizer.step()
            seen.after()

    seen = Seen()
    training = recorded(train)
    seen.agrees(training)
    close(training, "output_mean", "net.0", [o.mean().item() for o in outputs])


# -- steps that are only counted --------------------------------------------------------------------------------------------


def poor(session: Any) -> None:
    """A budget that is used up from the start, so that steps are only counted as soon as that may be."""
    session.schedule.once = session.schedule.share = 0.0
    session.seams.dynamo.compiles = False
    dynamo = sys.modules.get("torch._dynamo.utils")
    if dynamo is not None:  # what other tests have compiled in this process is not this program's
        dynamo.counters.clear()


def fitted(steps: int, evaluate: Callable[[nn.Module], None] | None = None) -> nn.Module:
    torch.manual_seed(3)
    net = small()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for at in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), Y).backward()
        optimizer.step()
        if evaluate is not None and at % 100 == 99:
            evaluate(net)
    return net


def test_steps_that_are_only_counted_are_counted(observing: Observing) -> None:
    """Every one of them, with the weights that a bare run has; a part of them is written down."""
    bare = fitted(900)
    with observing(every=None) as session:
        poor(session)
        watched = fitted(900)
        assert session.tick == 900
    training = session.run.trainings[0]
    written = training.series("loss").steps
    assert 20 < len(written) < 300 and written[-1] > 600
    assert training.steps == 900  # also those after the last that was written down
    assert all(torch.equal(a, b) for a, b in zip(bare.parameters(), watched.parameters(), strict=True))
    assert not [e for e in session.run.events if e.kind == "probe-failed"]


def test_evaluations_are_seen_while_steps_are_only_counted(observing: Observing) -> None:
    """With a loader and without one, with gradients and without."""
    loader = DataLoader(TensorDataset(X, Y), batch_size=3)
    losses: list[float] = []

    def evaluate(net: nn.Module) -> None:
        net.eval()
        with torch.no_grad():
            losses.append(F.cross_entropy(net(X[:3]), Y[:3]).item())
            for x, y in loader:
                F.cross_entropy(net(x), y)
        F.cross_entropy(net(X[3:]), Y[3:])
        net.train()

    with observing(every=None) as session:
        poor(session)
        fitted(900, evaluate)
    training = session.run.trainings[0]
    assert len(training.evaluations) == 3
    for one in training.evaluations:
        assert len(one.loss) == 9, one.id
    alone = next(e for e in training.evaluations if e.batches.tolist() == [1] * 9 and not e.grad_enabled)
    np.testing.assert_allclose(alone.loss, losses, rtol=1e-5)


def test_hooks_are_where_they_were_while_steps_are_only_counted(observing: Observing) -> None:
    """Between two steps nothing of ours is on the modules, and at the end nothing anywhere."""
    from torch.optim import optimizer as torchs

    before = len(torchs._global_optimizer_pre_hooks), len(torchs._global_optimizer_post_hooks)
    rested = 0
    with observing(every=None) as session:
        poor(session)
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        for _ in range(200):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()
            if session.seams.resting:
                rested += 1
                assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
                assert len(torchs._global_optimizer_pre_hooks) == before[0]
    assert rested > 100
    assert (len(torchs._global_optimizer_pre_hooks), len(torchs._global_optimizer_post_hooks)) == before


def test_persistent_workers_begin_every_epoch_anew(recorded: Recorded) -> None:
    """Their loader keeps its iterator: an epoch is told by its first batch."""

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        loader = DataLoader(TensorDataset(X, Y), batch_size=3, num_workers=1, persistent_workers=True)
        for _ in range(3):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(net(x), y).backward()
                optimizer.step()

    assert recorded(train).epochs == (0, 2, 4)


# -- large outputs are read in part -------------------------------------------------------------------------------------------


def test_the_error_of_reading_in_part() -> None:
    """What is read of a large output differs from the whole by less than the bound that is stated."""
    from diagnose.observe.probes.columns import BINNED, BINS
    from diagnose.observe.probes.outputs import SPREAD, outputs

    torch.manual_seed(0)
    means, shares, bins = [], [], []
    for _ in range(40):
        whole = torch.randn(64, 8, 64, 64).relu_()
        read = outputs([whole], ["relu"], [True], [-1])
        means.append(float(read["output_mean"][0] - whole.mean()) / float(whole.std()))
        shares.append(float(read["zero_share"][0]) - float((whole == 0).float().mean()))
        counts, width = read["output_histogram"][0], float(read["output_max"][0]) / BINS
        bins.append(float(counts[0] / counts.sum()) - float((whole < width).float().mean()))
    assert whole.numel() == 256 * SPREAD
    # A mean of n independent numbers has a standard error of 1/√n of their deviation, a share one below 0.5/√n.
    assert np.std(means) < 1.3 / SPREAD**0.5 and np.std(shares) < 1.3 * 0.5 / SPREAD**0.5
    assert np.std(bins) < 1.3 * 0.5 / BINNED**0.5


@pytest.mark.parametrize("shape", [(64, 16, 28, 28), (256, 1200), (32, 512, 512)], ids=str)
@pytest.mark.parametrize("kind", ["even", "of few samples", "of few elements"])
def test_the_error_of_a_large_outputs_gradient(shape: tuple[int, ...], kind: str) -> None:
    """Its norm is read in part: within the stated error where the blocks are alike, near it where few samples make it up."""
    from diagnose.observe.probes.gradients import WHOLE, norm_of_output

    torch.manual_seed(0)
    errors = []
    for _ in range(20):
        gradient = torch.randn(shape)
        if kind == "of few samples":
            gradient *= (torch.rand(shape[0]) < 0.1).float().view(-1, *[1] * (len(shape) - 1)) + 1e-3
        elif kind == "of few elements":  # as behind a pooling: one in four
            gradient *= torch.rand(shape) < 0.25
        errors.append(float(norm_of_output(gradient) / torch.linalg.vector_norm(gradient)) - 1)
    assert gradient.numel() > WHOLE
    assert np.sqrt(np.mean(np.square(errors))) < (0.06 if kind == "of few samples" else 0.01), errors


def test_the_gradient_of_any_other_output_is_read_whole() -> None:
    from diagnose.observe.probes.gradients import WHOLE, norm_of_output

    torch.manual_seed(0)
    for gradient in (torch.randn(WHOLE), torch.randn(700, 600).t(), torch.randn(9).half(), torch.zeros(1).expand(2 * WHOLE)):
        assert torch.equal(norm_of_output(gradient), torch.linalg.vector_norm(gradient.float()))


def test_what_changes_slowly_is_read_in_each_fourth_snapshot(recorded: Recorded) -> None:
    """The first sixteen tell all of it: initialisation shows nowhere else."""

    def train() -> None:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(30):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    training = recorded(train)
    some = [*range(16), 16, 20, 24, 28]
    assert list(training.series("output_histogram", "net.0").steps) == some
    assert list(training.series("weight_row_spread", "net.0.weight").steps) == some
    assert list(training.series("output_mean", "net.0").steps) == list(range(30))


# -- functional dropout ---------------------------------------------------------------------------------------------------------


class Drops(nn.Module):
    """Dropout by `F.dropout`, a product that is none, and recurrent and attention layers with a dropout of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 64), nn.Linear(16, 2)
        self.lstm = nn.LSTM(64, 16, num_layers=2, dropout=0.4, batch_first=True)
        self.attention = nn.MultiheadAttention(16, 4, dropout=0.4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(self.first(x), 0.3, self.training)
        x = x * (x.detach() > 0).float() * 2
        x = self.lstm(x.unsqueeze(1).expand(-1, 9, -1))[0]
        return self.last(self.attention(x, x, x)[0][:, -1])


def test_functional_dropout_is_a_layer(recorded: Recorded) -> None:
    def train() -> None:
        torch.manual_seed(1)
        net = Drops()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    training = recorded(train)
    drops = [layer for layer in training.layers if layer.role == "dropout"]
    assert [layer.path for layer in drops] == ["net.first/dropout"]
    assert drops[0].settings["p"] == pytest.approx(0.3, abs=1e-6)
    assert training.series("layer_training", "net.first/dropout").values.tolist() == [1, 1, 1]


def test_another_observer_finds_every_function_in_place_while_steps_are_only_counted(observing: Observing, tmp_path: Path) -> None:
    """It wakes the one that rests, and what the two have replaced goes back in any order."""
    net = small()
    with observing(every=None) as session:
        poor(session)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

        def step() -> None:
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

        while not session.seams.resting:
            step()
        (tmp_path / "second").mkdir()
        writer = Writer.create(tmp_path / "second", "program.py", [])
        second = Session(writer, every=1)
        second.start()
        assert not session.seams.resting
        for _ in range(30):
            step()
        second.finish()
        writer.close("finished", 0, None)
        before = session.tick
        for _ in range(300):
            step()
        assert session.tick == before + 300
    assert len(load(writer.path).trainings[0].series("loss")) == 30
    assert len(session.run.trainings[0].series("loss")) > 20


def test_a_program_with_step_hooks_of_its_own_goes_on_while_steps_are_only_counted(observing: Observing) -> None:
    """Registered after ours, they come after ours: torch must not find its list of them changed."""
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    seen: list[str] = []
    with observing(every=None) as session:
        poor(session)
        handles = [
            register_optimizer_step_pre_hook(lambda *_: seen.append("before")),
            register_optimizer_step_post_hook(lambda *_: seen.append("after")),
        ]
        fitted(300)
        assert session.tick == 300
        for handle in handles:
            handle.remove()
    assert seen == ["before", "after"] * 300
