"""Which steps belong to which training; loops without an optimizer; networks that are used in other ways than by a call."""

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diagnose.observe.session import Session
from diagnose.run import Run

from .conftest import Observing, Recorded

X = torch.linspace(-2, 2, 24).reshape(6, 4).sin()
Y = torch.arange(6) % 2


def small() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))


def fit(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), Y).backward()
        optimizer.step()


def run_of(observing: Observing, train: Callable[[], object], every: int | None = 1) -> Run:
    with observing(every=every) as session:
        train()
    return session.run


@pytest.mark.parametrize("every", [1, 4])
def test_folds_are_trainings_of_their_own(every: int, observing: Observing) -> None:
    """Optimizers and networks that die give their places in memory to the next: nothing may be mixed up."""

    def train() -> None:
        for fold in range(5):
            net = small()
            optimizer = torch.optim.Adam(net.parameters(), lr=0.01 * (fold + 1))
            fit(net, optimizer, 4)
            with torch.no_grad():
                F.cross_entropy(net(X), Y)
            del net, optimizer
            gc.collect()

    run = run_of(observing, train, every)
    assert [t.steps for t in run.trainings] == [4] * 5
    assert [t.optimizers[0].settings["lr"] for t in run.trainings] == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])
    for training in run.trainings:
        assert len(training.networks) == 1
        assert len(training.parameters) == 4
        assert len(training.evaluations) == 1
        assert len(training.series("training_loss", training.losses[0].id)) == 4
        assert [layer.type for layer in training.layers] == ["Linear", "ReLU", "Linear"]
        assert training.series("gradient_norm", training.parameters[0].path).steps[0] == 0


def limit(session: Session, once: float) -> None:
    """So many seconds may be spent, by a clock that does not ask how busy the machine is."""
    session.schedule.once, session.schedule.share = once, 0.0
    session.schedule.measured = lambda wall, own: None  # type: ignore[method-assign]


def many(lengths: list[int]) -> Callable[[], None]:
    """Networks trained one after the other by the same lines, each evaluated at its end."""

    def train() -> None:
        for steps in lengths:
            net = small()
            fit(net, torch.optim.SGD(net.parameters(), lr=0.1), steps)
            with torch.no_grad():
                F.cross_entropy(net(X), Y)

    return train


def test_many_short_trainings_stay_within_the_budget(observing: Observing) -> None:
    """Those that it allows stand for the others, which are counted, and told of."""
    with observing(every=None) as session:
        limit(session, 0.05)
        many([30] * 100)()
        assert len(list(session.networks)) <= 2 and len(session.streams) <= 2  # those that are gone are forgotten
    seen = len(session.run.trainings)
    assert 1 <= seen < 50  # how many hangs on the machine
    (told,) = [e for e in session.run.events if e.kind == "blind-spot"]
    assert f"{100 - seen} by the same lines ({30 * (100 - seen):,} steps)" in told.details["message"]
    assert all([len(e) for e in t.evaluations] == [1] for t in session.run.trainings)  # of its own network, not of those left out
    assert len({t.networks for t in session.run.trainings}) == seen
    assert all(t.optimizers[0].type == "SGD" for t in session.run.trainings)


def test_a_long_training_after_many_short_ones_is_looked_at(observing: Observing) -> None:
    with observing(every=None) as session:
        limit(session, 0.02)
        many([30] * 40 + [900])()
    last = session.run.trainings[-1]
    assert last.steps == 900
    losses = last.series("loss")
    assert 0 < len(losses) < 100 and losses.steps[0] >= 200  # as late as it was looked at
    assert all(not parameter.initial for parameter in last.parameters)  # nobody saw how it began


def test_inner_trainings_that_are_left_out_do_not_hide_the_outer_one(observing: Observing) -> None:
    """Meta-learning: a network that is trained all along, and a copy of it for a few steps at each of its own."""
    with observing(every=None) as session:
        limit(session, 0.05)
        net = small()
        outer = torch.optim.Adam(net.parameters())
        for _ in range(1000):
            fast = small()
            fit(fast, torch.optim.SGD(fast.parameters(), lr=0.1), 3)
            fit(net, outer, 1)
    training = session.run.trainings[-1]
    adam = next(i for i, o in enumerate(training.optimizers) if o.type == "Adam")
    assert training.steps > 3900 and training.series("loss").steps[-1] > 3400
    assert (training.series("optimizer").values[-5:] == adam).all()


def test_trainings_by_other_lines_are_not_left_out(observing: Observing) -> None:
    with observing(every=None) as session:
        limit(session, 0.02)
        many([30] * 40)()
        net = small()
        fit(net, torch.optim.Adam(net.parameters()), 30)
    last = session.run.trainings[-1]
    assert last.optimizers[0].type == "Adam" and last.steps == 30 and last.series("loss").steps[0] == 0


def test_a_sweep_over_one_network(observing: Observing) -> None:
    def train() -> None:
        net = small()
        for rate in (0.1, 0.01):
            fit(net, torch.optim.SGD(net.parameters(), lr=rate), 3)

    run = run_of(observing, train)
    assert [t.steps for t in run.trainings] == [3, 3]
    assert [t.networks for t in run.trainings] == [("net",), ("net",)]


def test_pretraining_and_fine_tuning(observing: Observing) -> None:
    def train() -> None:
        net = small()
        fit(net, torch.optim.SGD(net.parameters(), lr=0.1), 5)
        net[0].requires_grad_(False)
        fit(net, torch.optim.SGD(net[2].parameters(), lr=0.01), 4)

    first, second = run_of(observing, train).trainings
    assert (first.steps, second.steps) == (5, 4)
    assert all(p.optimized for p in first.parameters)
    assert {p.path.split(".", 1)[1]: p.optimized for p in second.parameters if p.optimized} == {"2.weight": True, "2.bias": True} or {
        p.path for p in second.parameters if p.optimized
    }
    assert len([p for p in second.parameters if p.optimized]) == 2


def test_two_stages_with_both_optimizers_built_at_once(observing: Observing) -> None:
    """The one that waits must not thin out the snapshots of the one that steps."""

    def train() -> None:
        one, two = small(), small()
        first, second = torch.optim.SGD(one.parameters(), lr=0.1), torch.optim.SGD(two.parameters(), lr=0.1)
        fit(one, first, 30)
        fit(two, second, 30)

    a, b = run_of(observing, train).trainings
    assert (a.steps, b.steps) == (30, 30)
    assert len(a.series("gradient_norm", "one.0.weight")) >= 20
    assert len(b.series("gradient_norm", "two.0.weight")) >= 20


def test_teacher_and_student(observing: Observing) -> None:
    def train() -> None:
        teacher = small()
        fit(teacher, torch.optim.SGD(teacher.parameters(), lr=0.1), 4)
        student = small()
        optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
        for _ in range(4):
            with torch.no_grad():
                aim = teacher(X)
            optimizer.zero_grad()
            F.mse_loss(student(X), aim).backward()
            optimizer.step()

    first, second = run_of(observing, train).trainings
    assert (first.networks, second.networks) == (("teacher",), ("student",))
    assert [site.function for site in second.losses] == ["mse_loss"]
    assert {layer.network for layer in second.layers} == {"student"}
    assert first.evaluations == second.evaluations == ()


def test_optimizers_that_alternate_are_one_training(recorded: Recorded) -> None:
    def train() -> None:
        one, two = small(), small()
        first, second = torch.optim.SGD(one.parameters(), lr=0.1), torch.optim.SGD(two.parameters(), lr=0.2)
        for i in range(12):
            net, optimizer = (two, second) if i % 6 == 5 else (one, first)  # five steps of one to one of the other
            fit(net, optimizer, 1)

    training = recorded(train)
    assert training.steps == 12
    assert set(training.networks) == {"one", "two"}
    assert len(training.series("gradient_norm", "two.0.weight").measured()) == 2
    assert len(training.series("gradient_norm", "one.0.weight").measured()) >= 2


class Judge(nn.Module):
    """A discriminator whose activation is a function."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 6), nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.leaky_relu(self.first(x), 0.2))


def test_an_alternating_pair_is_looked_at_whole_in_each_snapshot(recorded: Recorded) -> None:
    """Though the snapshots follow each other; and a function's activation belongs to the network whose weights lie before it."""

    def train() -> None:
        torch.manual_seed(0)
        generator, discriminator = nn.Sequential(nn.Linear(3, 8), nn.Tanh()), Judge()
        of_generator = torch.optim.SGD(generator.parameters(), lr=0.1)
        of_discriminator = torch.optim.SGD(discriminator.parameters(), lr=0.1)
        for _ in range(8):
            fake = generator(torch.randn(4, 3))
            discriminator.zero_grad()
            judged = torch.cat((discriminator(torch.randn(4, 8)), discriminator(fake.detach())))
            F.binary_cross_entropy_with_logits(judged, torch.tensor([1.0] * 4 + [0.0] * 4)[:, None]).backward()
            of_discriminator.step()
            generator.zero_grad()
            F.binary_cross_entropy_with_logits(discriminator(fake), torch.ones(4, 1)).backward()
            of_generator.step()

    training = recorded(train)
    places = ["generator.0", "generator.1", "discriminator.first", "discriminator.last", "discriminator.first/leaky_relu"]
    assert {layer.path.split("#")[0] for layer in training.layers} == set(places)
    assert {place: len(training.series("output_std", place)) for place in places[:4]} == dict.fromkeys(places[:4], 8)


def test_what_is_thawed_later_is_known_to_be_trained_or_not(recorded: Recorded) -> None:
    """A backbone that gets its gradients later: forgotten by the optimizer, or given to it."""

    def train(given: bool) -> Callable[[], None]:
        def script() -> None:
            torch.manual_seed(0)
            net = small()
            net[0].requires_grad_(False)
            optimizer = torch.optim.SGD(net[2].parameters(), lr=0.1)
            fit(net, optimizer, 6)
            net[0].requires_grad_(True)
            if given:
                optimizer.add_param_group({"params": net[0].parameters()})
            fit(net, optimizer, 6)

        return script

    for given in (False, True):
        (weight,) = [p for p in recorded(train(given)).parameters if p.path == "net.0.weight"]
        assert (weight.trainable, weight.reached, weight.optimized) == (True, True, given)


# -- without an optimizer -------------------------------------------------------------------------------------------------


def bare(update: str, alive: list[Tensor]) -> Callable[[], Any]:
    """Linear regression with tensors alone, updated in each of the usual ways."""

    def train() -> list[tuple[float, float, float]]:
        x = torch.linspace(-1, 1, 16)
        y = 3 * x + 2
        w = torch.zeros(1, requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        seen = []
        for _ in range(6):
            loss = ((w * x + b - y) ** 2).mean()
            if update == "autograd.grad":
                gw, gb = torch.autograd.grad(loss, [w, b])
            else:
                loss.backward()
                gw, gb = w.grad.clone(), b.grad.clone()
            old = w.detach().clone()
            if update == "no_grad":
                with torch.no_grad():
                    w -= 0.1 * w.grad
                    b -= 0.1 * b.grad
                    w.grad.zero_()
                    b.grad.zero_()
            elif update == "data":
                w.data -= 0.1 * w.grad.data
                b.data -= 0.1 * b.grad.data
                w.grad.data.zero_()
                b.grad.data.zero_()
            elif update == "replaced":
                w = (w - 0.1 * w.grad).detach().requires_grad_(True)
                b = (b - 0.1 * b.grad).detach().requires_grad_(True)
            else:
                with torch.no_grad():
                    w -= 0.1 * gw
                    b -= 0.1 * gb
            seen.append((loss.item(), gw.norm().item(), (w.detach() - old).norm().item()))
        alive[:] = [w, b]
        return seen

    return train


@pytest.mark.parametrize("update", ["no_grad", "data", "replaced", "autograd.grad"])
def test_bare_tensors(update: str, recorded: Recorded) -> None:
    seen: list[Any] = []
    alive: list[Tensor] = []  # as the variables of a script are when it ends
    training = recorded(lambda: seen.extend(bare(update, alive)()))
    if update == "replaced":
        seen = seen[:-1]  # what the last update makes is not used again: nothing tells that it was one
    losses, gradients, updates = np.array(seen).T
    assert training.steps == len(seen)
    np.testing.assert_allclose(training.series("loss").values, losses, rtol=1e-5)
    assert [p.path for p in training.parameters] == ["w", "b"]
    np.testing.assert_allclose(training.series("gradient_norm", "w").values, gradients, rtol=1e-5)
    if update != "replaced":  # a replaced tensor is another one: how far it lies from the old is not its update
        np.testing.assert_allclose(training.series("update_norm", "w").values, updates, rtol=1e-4)
    assert training.losses[0].function == "custom"
    assert training.optimizers[0].type == "by hand"
    assert not (training.series("uncleared").finite().values > 0).any()


def test_a_module_updated_by_hand(recorded: Recorded) -> None:
    norms: list[float] = []

    def train() -> None:
        net = small()
        for _ in range(5):
            loss = F.cross_entropy(net(X), Y)
            net.zero_grad()
            loss.backward()
            norms.append(net[0].weight.grad.norm().item())
            with torch.no_grad():
                for p in net.parameters():
                    p -= 0.1 * p.grad

    training = recorded(train)
    assert training.steps == 5
    assert training.networks == ("net",)
    np.testing.assert_allclose(training.series("gradient_norm", "net.0.weight").values, norms, rtol=1e-5)
    assert [site.function for site in training.losses] == ["cross_entropy"]
    # the first forward ran before anything told that this network is trained
    assert training.series("output_mean", "net.0").steps.tolist() == [1, 2, 3, 4]


def test_a_module_updated_by_autograd_grad(recorded: Recorded) -> None:
    def train() -> None:
        net = small()
        for _ in range(5):
            gradients = torch.autograd.grad(F.cross_entropy(net(X), Y), list(net.parameters()))
            with torch.no_grad():
                for p, g in zip(net.parameters(), gradients, strict=True):
                    p -= 0.1 * g

    training = recorded(train)
    assert training.steps == 5
    assert len(training.series("gradient_norm", "net.2.weight")) >= 4


@pytest.mark.parametrize("frozen", [False, True])
def test_a_backward_that_changes_nothing_is_no_step(frozen: bool, observing: Observing) -> None:
    """Saliency maps, gradient checks: a backward alone trains nothing."""

    def look() -> None:
        net = small().requires_grad_(not frozen)
        for _ in range(4):
            x = torch.randn(6, 4).requires_grad_(True)
            net(x)[:, 0].sum().backward()

    run = run_of(observing, look)
    assert sum(t.steps for t in run.trainings) == 0


def test_accumulated_by_hand(recorded: Recorded) -> None:
    """Several backwards before the parameters change are one step."""

    def train() -> None:
        w = torch.ones(3, requires_grad=True)
        for _ in range(4):
            for part in range(2):
                ((w * X[part, :3]).sum() ** 2).backward()
            with torch.no_grad():
                w -= 0.01 * w.grad
            w.grad = None
        alive.append(w)

    alive: list[Tensor] = []
    training = recorded(train)
    assert training.steps == 4
    assert training.series("backwards").values.tolist() == [2] * 4


def test_gradient_penalty_is_no_step(recorded: Recorded) -> None:
    """`autograd.grad` inside a training with an optimizer is part of its loss."""

    def train() -> None:
        net = small()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(4):
            x = X.clone().requires_grad_(True)
            score = F.cross_entropy(net(x), Y)
            (slope,) = torch.autograd.grad(score, x, create_graph=True)
            optimizer.zero_grad()
            (0.5 * score + slope.norm()).backward()
            optimizer.step()

    training = recorded(train)
    assert training.steps == 4
    assert training.losses[0].weight == pytest.approx(0.5)
    assert training.series("backwards").values.tolist() == [1] * 4


# -- networks ----------------------------------------------------------------------------------------------------------


def test_a_root_that_is_never_called(recorded: Recorded) -> None:
    def train() -> None:
        layers = nn.ModuleList([nn.Linear(4, 5), nn.Linear(5, 2)])
        optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            x = X
            for i, layer in enumerate(layers):
                x = layer(x) if i else torch.relu(layer(x))
            F.cross_entropy(x, Y).backward()
            optimizer.step()

    training = recorded(train)
    assert training.networks == ("layers",)
    assert [layer.path for layer in training.layers] == ["layers.0", "layers.0/relu", "layers.1"]
    for place in ("layers.0", "layers.0/relu", "layers.1"):
        assert len(training.series("output_mean", place)) == 4
        assert len(training.series("output_gradient_norm", place)) == 4
    assert ("layers.0/relu", "layers.1") in {(e.source, e.target) for e in training.edges}


def test_a_root_used_by_another_method(recorded: Recorded) -> None:
    class Flow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Linear(4, 8)
            self.shift = nn.Linear(8, 4)

        def log_prob(self, x: Tensor) -> Tensor:
            return -((x - self.shift(torch.tanh(self.scale(x)))) ** 2).sum(1)

    def train() -> None:
        flow = Flow()
        optimizer = torch.optim.SGD(flow.parameters(), lr=0.01)
        for _ in range(4):
            optimizer.zero_grad()
            (-flow.log_prob(X)).mean().backward()
            optimizer.step()

    training = recorded(train)
    assert training.networks == ("flow",)
    assert [layer.path for layer in training.layers] == ["flow.scale", "flow.scale/tanh", "flow.shift"]
    assert len(training.series("output_gradient_norm", "flow.scale")) == 4
    (site,) = training.losses
    assert site.function == "custom"
    assert site.source is not None and site.source.file.endswith("test_trainings.py")
    assert training.series("samples").values.tolist() == [6] * 4


@pytest.mark.parametrize("every", [1, 5])
def test_roots_are_learnt_once(every: int, observing: Observing) -> None:
    """Between snapshots the hook stands on the modules that are really called."""
    with observing(every=every):
        layers = nn.ModuleList([nn.Linear(4, 5), nn.Linear(5, 2)])
        optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(layers[1](torch.relu(layers[0](X))), Y).backward()
            optimizer.step()
        if every == 5:
            assert [len(m._forward_hooks) for m in layers.modules()] == [0, 1, 1]


def test_names_as_the_program_has_them(recorded: Recorded) -> None:
    class Trainer:
        def __init__(self) -> None:
            self.encoder = nn.Linear(4, 3)
            self.decoder = nn.Linear(3, 4)
            self.optimizer = torch.optim.SGD([*self.encoder.parameters(), *self.decoder.parameters()], lr=0.1)

        def run(self) -> None:
            for _ in range(3):
                self.optimizer.zero_grad()
                F.mse_loss(self.decoder(torch.tanh(self.encoder(X))), X).backward()
                self.optimizer.step()

    training = recorded(lambda: Trainer().run())
    assert training.networks == ("encoder", "decoder")
    assert training.optimizers[0].source is not None
    assert training.optimizers[0].source.file.endswith("test_trainings.py")
    assert training.parameters[0].source is not None
    assert all(e.source != e.target for e in training.edges)
    assert ("encoder/tanh", "decoder") in {(e.source, e.target) for e in training.edges}


def test_copies_are_found_among_everything_alive(recorded: Recorded) -> None:
    """A deep copy passes no registration; its parameters lead to it."""

    def train() -> None:
        net = copy.deepcopy(small())
        fit(net, torch.optim.SGD(net.parameters(), lr=0.1), 3)

    training = recorded(train)
    assert training.networks == ("net",)
    assert len(training.layers) == 3


@pytest.mark.parametrize("parts", ["two", "list"])
def test_only_the_first_of_several_parts_is_given_data(parts: str, recorded: Recorded) -> None:
    """`head(body(x))`: the samples are what `body` is given, and known again wherever they come."""

    def train() -> None:
        body, head = nn.Linear(4, 5), nn.Linear(5, 2)
        both = nn.ModuleList([body, head])
        optimizer = torch.optim.SGD(both.parameters() if parts == "list" else [*body.parameters(), *head.parameters()], lr=0.1)
        fresh = torch.randn(4, 4, generator=torch.Generator().manual_seed(5))

        def answer(x: Tensor) -> Tensor:
            return head(F.relu(body(x)))

        for _ in range(6):
            optimizer.zero_grad()
            F.cross_entropy(answer(X), Y).backward()
            optimizer.step()
            with torch.no_grad():
                F.cross_entropy(answer(torch.cat([X[:4], fresh])), Y[[0, 1, 2, 3, 0, 1, 2, 3]])

    training = recorded(train)
    assert len(training.inputs) == 1 and training.inputs[0].shape == (6, 4)
    (evaluation,) = training.evaluations
    assert evaluation.same_data == pytest.approx(0.5)


class Remade(nn.Module):
    """A network one of whose parts sets its state in its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 5)
        self.cell = nn.GRUCell(5, 5)
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.cell(self.first(x)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)


def _loaded(module: nn.Module) -> nn.Module:
    return pickle.loads(pickle.dumps(module))


def test_trainings_of_copies_are_seen_whole(observing: Observing) -> None:
    """Several trainings from one start: each copy is a network with its layers; a layer's line stays the one that built it."""

    def train() -> None:
        start = Remade()
        average = copy.deepcopy(start)
        for remade in (copy.deepcopy, _loaded, copy.deepcopy, copy.deepcopy):
            net = remade(start)
            fit(net, torch.optim.SGD(net.parameters(), lr=0.1), 3)
        assert all(torch.equal(a, b) for a, b in zip(average.parameters(), start.parameters(), strict=True))

    trainings = run_of(observing, train).trainings
    assert [len(t.networks) for t in trainings] == [1] * 4
    for training in trainings:
        types = [layer.type for layer in training.layers]
        assert [kind for kind in types if kind[0].isupper()] == ["Linear", "GRUCell", "Linear"]  # else the cell's functions
        assert all(len(training.series("gradient_norm", p.path)) == 3 for p in training.parameters)
    lines = [{layer.source.line for layer in t.layers if layer.source is not None} for t in trainings]
    assert lines[0] == lines[2] == lines[3] and len(lines[0]) == 3
    assert not lines[1]  # of what was loaded nobody knows who built it


def test_layers_in_a_plain_list_are_strays(recorded: Recorded) -> None:
    """They get gradients and belong to no optimizer."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = [nn.Linear(4, 4)]
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(torch.relu(self.hidden[0](x)))

    def train() -> None:
        net = Net()
        fit(net, torch.optim.SGD(net.parameters(), lr=0.1), 3)

    strays = [p for p in recorded(train).parameters if not p.optimized]
    assert [p.path for p in strays] == ["net.hidden[0].weight", "net.hidden[0].bias"]
    assert all(p.reached for p in strays)


def test_operations_and_flow(recorded: Recorded) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = nn.Linear(4, 4)
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            hidden = F.relu(self.first(x))
            hidden = hidden + self.second(hidden)
            return F.softmax(self.last(hidden), dim=1)

    def train() -> None:
        net = Net()
        fit(net, torch.optim.SGD(net.parameters(), lr=0.1), 2)

    training = recorded(train)
    (site,) = training.losses
    assert site.operations[:2] == ("softmax", "addmm")
    edges = {(e.source, e.target): e.operations for e in training.edges}
    assert edges["input", "net.first"] == ()
    assert edges["net.first", "net.first/relu"] == ()
    assert edges["net.first/relu", "net.second"] == ()
    assert ("net.first/relu", "net.last") in edges and ("net.second", "net.last") in edges
    assert "add" in edges["net.second", "net.last"]
    assert edges["net.last/softmax", site.id] == ()
    assert [layer.path for layer in training.layers] == ["net.first", "net.first/relu", "net.second", "net.last", "net.last/softmax"]
