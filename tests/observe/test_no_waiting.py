"""Law 4: the step path never waits for the device. Law 6: what is not seen is said."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from diagnose.observe.transfer import Transfer

from .conftest import Observing
from .families import FAMILIES


class Counts(TorchDispatchMode):
    """Counts the operations that make the host wait for a device."""

    WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "unique", "_unique2", "item", "masked_select")

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[-1]
        if name in self.WAITING:
            self.found[name] = self.found.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["mlp", "lstm", "gan", "transformer"])
def test_as_many_waits_as_bare(name: str, observing: Observing) -> None:
    """Also on the CPU, where a wait costs nothing, none of ours is made."""

    def waits() -> dict[str, int]:
        torch.manual_seed(1)
        with Counts() as counts:
            FAMILIES[name]()
        return counts.found

    bare = waits()
    with observing() as session:
        watched = waits()
    assert watched == bare
    assert session.run.trainings[0].has("output_std")


class Event:
    """An event of a device that finishes when it is told to."""

    done = False
    recorded = 0

    def record(self) -> None:
        Event.recorded += 1

    def query(self) -> bool:
        return Event.done

    def synchronize(self) -> None:
        Event.done = True


class NonBlocking(TorchFunctionMode):
    """Copies to the host are made without waiting, or not at all."""

    copies = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in (Tensor.cpu, Tensor.numpy, Tensor.item, Tensor.tolist), f"{func.__name__} waits"
        if func is Tensor.copy_:
            assert (kwargs or {}).get("non_blocking") is True, "a copy that waits"
            self.copies += 1
        return func(*args, **(kwargs or {}))


def test_transfers_arrive_later_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied without blocking, looked for at later steps, waited for only at the very end."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    Event.done, Event.recorded = False, 0
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    landed: list[Tensor] = []
    empty = torch.empty

    def landing(shape: Any, **settings: Any) -> Tensor:
        if not settings.pop("pin_memory", False):  # not the recorder's own: one of the fake mode's
            return empty(shape, **settings)
        assert settings["device"] == "cpu"
        landed.append(empty(shape, **settings))
        return landed[-1]

    came: list[Any] = []
    transfer = Transfer()
    with FakeTensorMode(allow_non_fake_inputs=True), NonBlocking() as copying:
        parts = [torch.ones(3, device="cuda"), torch.zeros((), device="cuda", dtype=torch.float16)]
        monkeypatch.setattr(torch, "empty", landing)
        transfer.send(parts, lambda array: came.append(("first", len(array))))
        transfer.scalars([1.5, parts[1], float("nan")], lambda values: came.append(("second", len(values))))
        transfer.poll()
        assert came == [] and Event.recorded == 2 and len(landed) == 2
    monkeypatch.undo()
    assert copying.copies == 2
    monkeypatch.setattr(Tensor, "numpy", lambda self: np.zeros(tuple(self.shape), np.float32))
    Event.done = True
    transfer.poll()
    assert [name for name, _ in came] == ["first", "second"]
    assert [size for _, size in came] == [4, 3]


def test_numbers_of_the_host_arrive_at_once() -> None:
    transfer, came = Transfer(), []
    transfer.send([torch.arange(3.0), torch.tensor(7, dtype=torch.float64)], lambda a: came.append(a.tolist()))
    transfer.scalars([0.1, torch.tensor(2.5), 3.0], lambda v: came.append(list(v)))
    transfer.send([], lambda a: came.append(a.tolist()))
    assert came == [[0, 1, 2, 7], [0.1, 2.5, 3.0], []]


def test_blind_spots(observing: Observing) -> None:
    """Scripted parts of a network are named; what is seen of them is recorded all the same."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.scripted = torch.jit.script(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))

        def forward(self, x: Tensor) -> Tensor:
            return self.scripted(self.first(x))

    with observing() as session:
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(torch.ones(6, 4)), torch.arange(6) % 2).backward()
            optimizer.step()
    training = session.run.trainings[0]
    assert {spot.place for spot in session.run.blind_spots} == {"net.scripted"}
    assert training.has("gradient_norm")
    assert "net.first" in training.places("output_mean")


test_blind_spots = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")(test_blind_spots)

