"""Law 2: whatever fails in us, the program ends as it would; scripting, tracing and compiling work inside."""

import copy
import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diagnose.observe import backward, calls, data, steps
from diagnose.observe.backward import Backward
from diagnose.observe.book import Book
from diagnose.observe.graph import walk
from diagnose.observe.losses import Losses
from diagnose.observe.networks import Modules, Network
from diagnose.observe.probes import Probe, all_probes
from diagnose.observe.shadow import Shadow
from diagnose.observe.snapshot import Snapshot
from diagnose.observe.steps import Steps
from diagnose.observe.streams import Stream
from diagnose.observe.transfer import Transfer

from .conftest import Observing
from .families import FAMILIES, identical

X, Y = torch.ones(6, 4), torch.arange(6) % 2


def raising(*args: Any, **kwargs: Any) -> Any:
    raise ArithmeticError("made to fail")


@pytest.mark.parametrize("name", all_probes())
def test_every_probe_may_fail(
    name: str, observing: Observing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = FAMILIES["lstm" if name == "through_time" else "cnn"]
    torch.manual_seed(1)
    bare = script()
    probe = all_probes()[name]
    monkeypatch.setitem(all_probes(), name, Probe(name, probe.event, probe.quantities, raising, raising, raising))  # type: ignore[arg-type]
    torch.manual_seed(1)
    with observing(strict=False) as session:
        watched = script()
    assert identical(bare, watched)
    told = [line for line in capfd.readouterr().err.splitlines() if line]
    assert told == [f"diagnose: the probe {name} failed and is off from here on (ArithmeticError: made to fail)"]
    training = session.run.trainings[0]
    failed = [e for e in (*session.run.events, *training.events) if e.kind == "probe-failed"]
    assert [(e.place, e.details["error"]) for e in failed] == [(name, "ArithmeticError: made to fail")]
    assert training.has("loss")
    for quantity in probe.quantities:
        assert not training.has(quantity)
    for other in {"gradients": "gradient_norm", "weights": "weight_norm", "outputs": "output_mean"}.items():
        if other[0] != name:
            assert training.has(other[1])


PARTS: list[tuple[Any, str]] = [
    (steps, "write_row"), (steps, "write_snapshot"), (steps, "read_gradients"), (steps, "write_training_losses"),
    (steps, "write_pass"), (backward, "read_graph"), (backward, "initial_statistics"), (calls, "read_inputs"),
    (data, "loader_facts"), (data, "sample_hashes"), (Shadow, "learn"), (Shadow, "repeat"),
    (Losses, "called"), (Losses, "settle"), (Losses, "_pass"), (Steps, "end"), (Steps, "_plan"), (Backward, "look"),
    (Snapshot, "attach"), (Snapshot, "_record"), (Snapshot, "drop"), (Snapshot, "_forward"), (Book, "epoch"), (Book, "item"),
    (Stream, "find_networks"), (Stream, "watched"), (Stream, "copy_before"), (Stream, "parameters"), (Modules, "registered"),
    (Modules, "owners"), (Network, "named_modules"), (Network, "learn_roots"), (Transfer, "send"), (Transfer, "poll"),
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{getattr(part[0], '__name__', '')}.{part[1]}")
def test_every_part_of_ours_may_fail(part: Any, observing: Observing, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    bare = FAMILIES["cnn"](6)
    with observing(strict=False):
        monkeypatch.setattr(*part, raising)
        torch.manual_seed(1)
        watched = FAMILIES["cnn"](6)
        monkeypatch.undo()
    assert identical(bare, watched)


def test_an_exception_of_the_program_passes(observing: Observing) -> None:
    class Stops(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("mine")

    with observing():
        net = nn.Sequential(nn.Linear(4, 4), Stops(4, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            with pytest.raises(KeyError, match="mine"):
                net(X)
        net[1] = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        F.cross_entropy(net(X), Y).backward()
        with pytest.raises(RuntimeError, match="second time"):
            loss = F.cross_entropy(net(X), Y)
            loss.backward()
            loss.backward()
        optimizer.step()
        with pytest.raises(AttributeError, match="size"):
            F.mse_loss("no tensor", 3)  # type: ignore[arg-type]


test_an_exception_of_the_program_passes = pytest.mark.filterwarnings("ignore")(test_an_exception_of_the_program_passes)


# -- TorchScript --------------------------------------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(torch.relu(self.first(x))))


def with_loss(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x, y) + F.smooth_l1_loss(x, y) + F.cross_entropy(x, torch.tensor([1, 0]))


class Loss(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(x, y)


class KeepsItself(Net):
    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()


def trained(kind: type[nn.Module] = Net, steps: int = 2) -> tuple[nn.Module, torch.optim.Optimizer]:
    net = kind()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        step(net, optimizer)
    return net, optimizer


def step(net: nn.Module, optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(net(X), Y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("every", [1, 1000])
@pytest.mark.parametrize("kind", [Net, KeepsItself])
def test_scripting(kind: type[nn.Module], every: int, observing: Observing) -> None:
    with observing(every=every) as session:
        net, optimizer = trained(kind)
        a, b = torch.rand(2, 2), torch.rand(2, 2)
        script = torch.jit.script(with_loss)
        assert torch.equal(script(a, b), with_loss(a, b))
        assert torch.equal(torch.jit.script(Loss())(a, b), Loss()(a, b))
        file = io.BytesIO()
        torch.save(net, file)
        file.seek(0)
        for module in (net, copy.deepcopy(net), torch.load(file, weights_only=False), copy.copy(net)):
            scripted = torch.jit.script(module).eval()
            assert torch.equal(scripted(X), module.eval()(X))
            again = io.BytesIO()
            torch.jit.save(scripted, again)
            again.seek(0)
            assert torch.equal(torch.jit.load(again)(X), scripted(X))
        net.train()
        traced = torch.jit.trace(net.eval(), X)
        assert torch.equal(traced(X), net(X))
        assert "aminmax" not in str(traced.inlined_graph)
        module = torch.jit.trace_module(net, {"forward": X})
        assert "aminmax" not in str(module.inlined_graph)
        net.train()
        for _ in range(2):
            step(net, optimizer)  # and observing goes on
    training = session.run.trainings[0]
    assert training.steps == 4
    if every == 1:
        assert training.series("output_mean", "net.first").steps.tolist() == [0, 1, 2, 3]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_scripting_finds_the_callers_names(observing: Observing) -> None:
    """TorchScript resolves names in the frame that called it: ours must not stand between."""

    def script() -> Any:
        def local_helper(x: Tensor) -> Tensor:
            return x + 1

        @torch.jit.script
        def uses(x: Tensor) -> Tensor:
            return local_helper(x)

        return uses(torch.ones(1)).item()

    assert script() == 2
    with observing(), observing():  # also with a watch inside a run
        assert script() == 2


def test_warnings_of_scripting_are_as_bare(observing: Observing) -> None:
    def script() -> list[tuple[str, str, int]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.jit.script(with_loss)
            torch.jit.trace(nn.Linear(4, 2), X)
        return [(str(w.message), w.filename, w.lineno) for w in caught]

    bare = script()
    with observing():
        assert script() == bare


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_training_a_scripted_module(observing: Observing) -> None:
    """Its layers cannot be seen, which is said; its loss, gradients and updates are."""
    torch.manual_seed(1)
    net = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
    with observing() as session:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            step(net, optimizer)
    training = session.run.trainings[0]
    assert training.has("gradient_norm") and training.has("update_norm") and training.has("loss")
    assert [spot.place for spot in session.run.blind_spots] == ["net"]
    assert "script" in session.run.blind_spots[0].message


def test_symbolic_tracing_and_export(observing: Observing) -> None:
    class WithLoss(Net):
        def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
            return F.mse_loss(self.last(torch.relu(self.first(x))), torch.zeros(6, 2))

    net = WithLoss()
    bare = torch.fx.symbolic_trace(net).code, torch.export.export(net, (X,)).graph_module.code
    net = WithLoss()
    with observing():
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        net(X).backward()
        optimizer.step()
        watched = torch.fx.symbolic_trace(net).code, torch.export.export(net, (X,)).graph_module.code
    assert watched == bare


def test_functional_transforms(observing: Observing) -> None:
    """vmap and grad of torch.func wrap tensors that can be neither hooked nor read."""
    net = nn.Linear(4, 2)
    parameters = dict(net.named_parameters())

    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(torch.func.functional_call(net, weights, (x.unsqueeze(0),)), y.unsqueeze(0))

    bare = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, X, Y)
    with observing():
        optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
        step(net, optimizer)
        watched = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, X, Y)
        step(net, optimizer)
    assert all(torch.equal(bare[name], watched[name]) for name in bare)


def test_tensor_subclasses_count_once(observing: Observing) -> None:
    """A subclass's call comes back through the replaced function."""

    class Mine(Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return super().__torch_function__(func, types, args, kwargs or {})

    with observing() as session:
        net = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(X.as_subclass(Mine)), Y)
            assert type(loss) is Mine
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                F.cross_entropy(net(X.as_subclass(Mine)), Y)
    assert session.run.trainings[0].steps == 2


# -- torch.compile ------------------------------------------------------------------------------------------------------


def counted(script: Callable[[], Any]) -> tuple[int, int, Any]:
    """Graphs and breaks as torch itself counts them, and the script's result."""
    import torch._dynamo
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = script()
    return counters["stats"]["unique_graphs"], sum(counters["graph_break"].values()), result


def compiled(function: Any, **options: Any) -> Any:
    return torch.compile(function, backend="aot_eager", **options)


def whole_model() -> Any:
    net = Net()
    fast = compiled(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    return train_and_evaluate(net, fast, optimizer)


def whole_model_after_the_optimizer() -> Any:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    return train_and_evaluate(net, compiled(net), optimizer)


def in_place() -> Any:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.compile(backend="aot_eager")
    return train_and_evaluate(net, net, optimizer)


def a_part() -> Any:
    net = Net()
    net.first = compiled(net.first)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    return train_and_evaluate(net, net, optimizer)


def model_and_loss() -> Any:
    net = Net()

    def both(x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(net(x), y)

    fast = compiled(both, fullgraph=True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        fast(X, Y).backward()
        optimizer.step()
    return net.state_dict()


def train_step() -> Any:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    fast = compiled(lambda: step(net, optimizer))
    for _ in range(4):
        fast()
    return net.state_dict()


def train_and_evaluate(net: nn.Module, fast: Any, optimizer: torch.optim.Optimizer) -> Any:
    for _ in range(3):
        fast.train()
        step(fast, optimizer)
        fast.eval()
        with torch.no_grad():
            F.cross_entropy(fast(X), Y)
    return {name.replace("_orig_mod.", ""): value for name, value in net.state_dict().items()}


COMPILED = [whole_model, whole_model_after_the_optimizer, in_place, a_part, model_and_loss, train_step]


@pytest.mark.parametrize("every", [1, 1000])
@pytest.mark.parametrize("script", COMPILED)
def test_compiling(script: Callable[[], Any], every: int, observing: Observing) -> None:
    """As many graphs and breaks as without us, and the same weights."""
    graphs, breaks, bare = counted(script)
    with observing(every=every) as session:
        watched_graphs, watched_breaks, watched = counted(script)
    assert (watched_graphs, watched_breaks) == (graphs, breaks)
    assert identical(bare, watched)
    assert session.run.blind_spots, "what is compiled is not seen, and that must be said"
    if script is not train_step:
        training = session.run.trainings[0]
        assert training.has("gradient_norm") and training.has("update_norm") and training.has("loss")


def test_compiled_before_we_attach(observing: Observing) -> None:
    """Watching a compiled model that already runs costs at most one recompilation, and no break."""
    net = Net()
    fast = compiled(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    graphs, breaks, _ = counted(lambda: [step(fast, optimizer) for _ in range(3)])
    from torch._dynamo.utils import counters

    with observing():
        for _ in range(3):
            step(fast, optimizer)
    for _ in range(2):
        step(fast, optimizer)
    assert counters["stats"]["unique_graphs"] <= graphs + 1
    assert sum(counters["graph_break"].values()) == breaks


def test_the_walk_of_a_graph_is_bounded() -> None:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(300):
        y = y + 1
    assert len(walk([y.grad_fn], most=1000)) == 301
    assert walk([y.grad_fn], most=100) == []
