"""Law 3: nothing of ours is left behind, in copies, files, hooks or memory."""

import copy
import gc
import io
import pickle
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diagnose.observe.session import Session

from .conftest import Observing, seams


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.act = nn.ReLU(inplace=True)
        self.last = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x)))


class Stateful(Net):
    """Has a state of its own, as some wrappers and many users' modules do."""

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)


def hooks_of(module: nn.Module) -> list[int]:
    return [
        len(part.__dict__[name])
        for part in module.modules()
        for name in ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs",
                     "_backward_hooks", "_forward_hooks_always_called", "_backward_pre_hooks")
    ]  # fmt: skip


def step(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    F.cross_entropy(net(torch.ones(6, 4)), torch.arange(6) % 2).backward()
    optimizer.step()


def saved(thing: object) -> bytes:
    file = io.BytesIO()
    torch.save(thing, file)
    return file.getvalue()


@pytest.fixture(params=[1, 1000], ids=["snapshot", "between"])
def attached(request: Any, observing: Observing) -> Iterator[tuple[Net, torch.optim.Optimizer, Session]]:
    """A network in training, once with hooks on every layer and once between snapshots."""
    with observing(every=request.param) as session:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            step(net, optimizer)
        assert sum(hooks_of(net)) == (6 if request.param == 1 else 1) * 2  # each is known with keyword arguments
        yield net, optimizer, session


def test_pickle_and_save_are_byte_identical(attached: Any) -> None:
    net, optimizer, session = attached
    everything = (net, net.state_dict(), [net, optimizer], optimizer.state_dict())
    watched = [(pickle.dumps(thing), saved(thing)) for thing in everything]
    session.detach()
    assert sum(hooks_of(net)) == 0
    assert watched == [(pickle.dumps(thing), saved(thing)) for thing in everything]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_copies_carry_no_hook_and_record_nothing(attached: Any) -> None:
    net, optimizer, _ = attached
    for twin in (copy.deepcopy(net), copy.copy(net), pickle.loads(pickle.dumps(net)), copy.deepcopy([net, optimizer])[0]):
        if twin.first is not net.first:  # a shallow copy shares its parts
            assert sum(hooks_of(twin)) == 0
        assert not twin.__dict__["_forward_hooks"]
        twin(torch.ones(2, 4))
    file = io.BytesIO(saved(net))
    loaded = torch.load(file, weights_only=False)
    assert sum(hooks_of(loaded)) == 0
    torch.jit.script(loaded)
    torch.jit.script(copy.deepcopy(net))


def test_modules_with_a_state_of_their_own(observing: Observing) -> None:
    with observing():
        net = Stateful()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        step(net, optimizer)
        data = pickle.dumps(net)
        twin = copy.deepcopy(net)
        assert torch.equal(twin(torch.ones(2, 4)), net(torch.ones(2, 4)))
        again = pickle.loads(data)
        assert torch.equal(again(torch.ones(2, 4)), net(torch.ones(2, 4)))
    assert b"diagnose" not in data  # loads where we are not installed


def test_the_programs_own_hooks_stay(attached: Any) -> None:
    net, _, _ = attached
    seen: list[Any] = []
    handle = net.first.register_forward_hook(_own_hook)
    net.last.register_forward_pre_hook(lambda module, args: seen.append(module))
    twin = copy.deepcopy(net)
    assert list(twin.first._forward_hooks.values()) == [_own_hook]
    twin(torch.ones(2, 4))
    assert seen == [twin.last]
    handle.remove()


def _own_hook(module: nn.Module, args: Any, output: Any) -> None:
    pass


def test_everything_is_put_back(observing: Observing) -> None:
    before, standing = seams(), global_hooks()
    with observing():
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        taken = F.cross_entropy
        from torch.autograd import backward as taken_backward

        step(net, optimizer)
        assert seams() != before
    assert seams() == before
    assert global_hooks() == standing
    assert sum(hooks_of(net)) == 0
    loss = taken(net(torch.ones(6, 4)), torch.arange(6) % 2)  # a function taken meanwhile passes through
    assert loss.grad_fn is not None and not loss._backward_hooks
    taken_backward(loss)
    optimizer.step()
    assert sum(hooks_of(net)) == 0
    assert not optimizer._optimizer_step_post_hooks and not optimizer._optimizer_step_pre_hooks


def global_hooks() -> list[int]:
    modules, optim = torch.nn.modules.module, sys.modules["torch.optim.optimizer"]
    return [
        len(modules._global_forward_hooks), len(modules._global_forward_pre_hooks), len(modules._global_backward_hooks),
        len(modules._global_parameter_registration_hooks), len(modules._global_module_registration_hooks),
        len(optim._global_optimizer_pre_hooks), len(optim._global_optimizer_post_hooks),
    ]  # fmt: skip


def test_what_the_program_replaced_meanwhile_stays(observing: Observing) -> None:
    original = F.l1_loss
    with observing():
        ours = F.l1_loss

        def mine(*args: Any, **kwargs: Any) -> Any:
            return ours(*args, **kwargs)

        F.l1_loss = mine
    try:
        assert F.l1_loss is mine
        assert mine(torch.ones(2), torch.zeros(2)) == 1
    finally:
        F.l1_loss = original


def test_only_the_topmost_module_is_hooked_between_snapshots(observing: Observing) -> None:
    with observing(every=1000):
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        step(net, optimizer)
        assert [len(m._forward_hooks) for m in net.modules()] == [1, 0, 0, 0]
        assert [len(m._forward_pre_hooks) for m in net.modules()] == [0, 0, 0, 0]


@pytest.mark.parametrize("every", [1, 1000])
@pytest.mark.parametrize("backward", [True, False])
def test_no_tensor_outlives_its_frame(every: int, backward: bool, observing: Observing) -> None:
    """Reference counting alone must free a step's tensors: nothing waits for the garbage collector."""
    refs: list[weakref.ref[Any]] = []

    class Spy(Net):
        def forward(self, x: Tensor) -> Tensor:
            hidden = torch.sigmoid(self.act(self.first(x)))
            refs.append(weakref.ref(hidden))
            refs.append(weakref.ref(hidden.grad_fn._saved_result))
            return self.last(hidden)

    def one(train: bool) -> None:
        split = "val"  # a local that the recorder reads
        x, y = torch.randn(6, 4), torch.arange(6) % 2
        output = net(x)
        loss = F.cross_entropy(output, y)
        refs.extend(map(weakref.ref, (x, y, output, loss)))
        if train:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert split

    gc.collect()
    gc.disable()
    try:
        with observing(every=every):
            net = Spy()
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            for _ in range(3):
                one(True)
                one(backward)
            assert len(refs) == 36
            assert [ref() for ref in refs if ref() is not None] == []
    finally:
        gc.enable()


@pytest.mark.parametrize("every", [1, 1000])
def test_graphs_do_not_pile_up_in_an_evaluation_with_gradients(every: int, observing: Observing) -> None:
    """Without no_grad every batch's graph dies with its loss; a recorder that keeps a node keeps all of it."""
    refs: list[weakref.ref[Any]] = []

    class Keeps(torch.autograd.Function):
        """Its context lives as long as the graph: what is stored there tells when the graph is gone."""

        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.mark = Mark()
            refs.append(weakref.ref(ctx.mark))
            return x.clone()

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return gradient

    class Marked(Net):
        def forward(self, x: Tensor) -> Tensor:
            return self.last(F.relu(Keeps.apply(self.act(self.first(x)))))

    gc.collect()
    gc.disable()
    try:
        with observing(every=every):
            net = Marked()
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            for _ in range(2):
                step(net, optimizer)
                for _ in range(5):
                    F.cross_entropy(net(torch.ones(6, 4)), torch.arange(6) % 2).item()
                    assert sum(ref() is not None for ref in refs) == 0
    finally:
        gc.enable()


class Mark:
    pass


def test_deleted_locals_die_at_once(observing: Observing) -> None:
    """`frame.f_locals` keeps what a frame has deleted: an evaluation that frees a batch before the next must get it freed."""
    left: list[int] = []

    def evaluate(split: str) -> None:
        for _ in range(3):
            x = torch.randn(6, 4)
            ref = weakref.ref(x)
            with torch.no_grad():
                F.cross_entropy(net(x), torch.arange(6) % 2)
            del x
            left.append(ref() is not None)

    with observing(every=1000):
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            step(net, optimizer)
            evaluate("val")
    assert left == [False] * 6


def test_leaf_tensors_that_pass_a_layer_keep_no_hook(observing: Observing) -> None:
    """An adversarial input is a leaf with a gradient; `nn.Identity` puts it out again."""
    x = torch.ones(6, 4, requires_grad=True)
    with observing():
        net = nn.Sequential(nn.Identity(), nn.Linear(4, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            step_on(net, optimizer, x)
    assert not x._backward_hooks


def step_on(net: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor) -> None:
    optimizer.zero_grad()
    F.cross_entropy(net(x), torch.arange(6) % 2).backward()
    optimizer.step()


def test_models_and_optimizers_die_with_the_program(observing: Observing) -> None:
    """k-fold and sweeps build many: the recorder must not keep them."""
    with observing():
        refs = []
        for _ in range(3):
            net = Net()
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            step(net, optimizer)
            step(net, optimizer)
            refs += [weakref.ref(net), weakref.ref(optimizer), weakref.ref(net.first.weight)]
            del net, optimizer
        gc.collect()
        assert [ref() for ref in refs if ref() is not None] == []


def once(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    F.mse_loss(net(torch.ones(4, 3)), torch.zeros(4, 1)).backward()
    optimizer.step()


def test_variables_of_what_is_no_function_stay(observing: Observing) -> None:
    """Those of a class body and of what `exec` runs are the very dictionary that a frame shows."""
    with observing():

        class Experiment:
            net = nn.Linear(3, 1)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            once(net, optimizer)

        variables: dict[str, Any] = {}
        program = "net = nn.Linear(3, 1)\noptimizer = torch.optim.SGD(net.parameters(), lr=0.1)\nonce(net, optimizer)\nagain = net"
        exec(compile(program, __file__, "exec"), globals(), variables)
    assert isinstance(Experiment.net, nn.Linear) and isinstance(Experiment.optimizer, torch.optim.SGD)
    assert list(variables) == ["net", "optimizer", "again"]


def test_what_locals_gave_the_program_stays(observing: Observing) -> None:
    def program(rate: float = 0.1, layers: int = 2) -> dict[str, Any]:
        settings = locals()
        net = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(net.parameters(), lr=rate)
        once(net, optimizer)
        return settings

    with observing():
        settings = program()
    assert settings["rate"] == 0.1 and settings["layers"] == 2
