"""Programs that train in several threads: one at a time is followed, whole, and the others are named."""

import threading
import time

import pytest
import torch
from torch import nn

from diagnose.observe import threads

from .conftest import Observing


def train(steps: int, width: int = 8, pause: float = 0.0) -> None:
    net = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(torch.randn(8, 4)), torch.randint(0, 3, (8,))).backward()
        optimizer.step()
        time.sleep(pause)


def inside(*steps: int) -> None:
    workers = [threading.Thread(target=train, args=(n, 8 + i), name=f"worker {i}") for i, n in enumerate(steps)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_a_training_in_a_thread_is_followed_there(observing: Observing) -> None:
    with observing() as session:
        train(10)
        inside(20)
        train(5)
    # the step by which another thread shows that it trains is not recorded
    assert [training.steps for training in session.run.trainings] == [10, 19, 4]
    assert not session.run.blind_spots
    assert all(len(training.layers) == 3 and training.has("gradient_norm") for training in session.run.trainings)


def test_of_trainings_at_the_same_time_one_is_whole_and_the_others_are_named(
    observing: Observing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "REST", 60.0)  # a busy machine may give a thread nothing to do for a second
    with observing() as session:
        alone = threading.Thread(target=train, args=(300,), name="alone")
        alone.start()
        while not session.tick:
            time.sleep(0.001)
        inside(100, 100)
        alone.join()
    first = session.run.trainings[0]
    assert first.steps == 300 and len(first.series("loss")) == 300 and first.networks == ("net",)
    assert first.matrix("gradient_norm").values.shape == (300, 4)
    named = {spot.place for spot in session.run.blind_spots}
    assert named == {"thread worker 0", "thread worker 1"}
    assert all(
        "only one of them is observed" in spot.message for spot in session.run.blind_spots
    ) and not [event for training in session.run.trainings for event in training.events]


def test_trainings_that_begin_at_once_do_not_break_each_other(observing: Observing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another thread trains is not touched: autograd writes its gradients while Python runs here."""
    monkeypatch.setattr(threads, "REST", 60.0)
    with observing() as session:
        for _ in range(10):
            inside(40, 40, 40)
    assert max(training.steps for training in session.run.trainings) >= 38
    assert not [event for training in session.run.trainings for event in training.events]


def test_a_thread_that_evaluates_beside_the_training_does_not_disturb_it(observing: Observing) -> None:
    stop = threading.Event()

    def evaluate() -> None:
        net = nn.Linear(4, 3)
        while not stop.is_set():
            with torch.no_grad():
                nn.functional.cross_entropy(net(torch.randn(8, 4)), torch.randint(0, 3, (8,)))

    with observing() as session:
        train(1)  # the first backward says whom to follow
        beside = threading.Thread(target=evaluate)
        beside.start()
        train(40, pause=0.001)
        stop.set()
        beside.join()
    first, second = session.run.trainings
    assert (first.steps, second.steps) == (1, 40) and second.evaluations == ()


def test_a_thread_that_rests_gives_way_after_a_second(observing: Observing) -> None:
    with observing() as session:
        train(3)
        worker = threading.Thread(target=train, args=(60, 8, 0.03))
        worker.start()
        while worker.is_alive():  # busy with something else: not waiting in a lock
            sum(range(10_000))
            time.sleep(0.001)
    assert session.run.trainings[0].steps == 3
    assert 5 <= session.run.trainings[1].steps < 60


class Slow(torch.autograd.Function):
    """The identity, whose gradient takes a while."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        time.sleep(1.4)
        return gradient


def test_a_thread_inside_a_long_backward_is_still_training(observing: Observing) -> None:
    """As one is on a busy machine: it does not give way to a quicker one."""
    begun = threading.Event()

    def slow() -> None:
        net = nn.Linear(4, 3)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(Slow.apply(net(torch.randn(8, 4))), torch.randint(0, 3, (8,)))
            begun.set()
            loss.backward()
            optimizer.step()

    def quick() -> None:
        begun.wait()
        time.sleep(0.1)
        train(60, pause=0.04)

    workers = [threading.Thread(target=work, name=work.__name__) for work in (slow, quick)]
    with observing() as session:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert session.run.trainings[0].steps == 2
    assert [spot.place for spot in session.run.blind_spots] == ["thread quick"]


def test_what_others_did_before_the_first_backward_is_not_the_followed_ones(observing: Observing) -> None:
    computed, trained = threading.Event(), threading.Event()

    def beside() -> None:
        net = nn.Linear(4, 3)
        loss = nn.functional.mse_loss(net(torch.randn(8, 4)), torch.zeros(8, 3))
        computed.set()
        trained.wait()
        loss.backward()

    worker = threading.Thread(target=beside)
    with observing() as session:
        worker.start()
        computed.wait()
        train(5)
        trained.set()
        worker.join()
    (training,) = session.run.trainings
    assert training.steps == 5 and training.evaluations == ()
    assert {site.function for site in training.losses} == {"cross_entropy"}


def test_gradients_that_come_on_a_thread_of_autograds_own_are_read(observing: Observing) -> None:
    """Of a network on a GPU autograd calls the hooks from a thread that is not the program's."""
    from diagnose.observe.forwards import Forward, Record
    from diagnose.observe.networks import Network

    with observing() as session:
        train(1)
        session.in_backward = True
        record = Record(True)
        hook = session.snapshot.receive_gradient(Forward(Network(nn.Linear(1, 1))), record)
        engine = threading.Thread(target=hook, args=(torch.full((4,), 3.0),))
        engine.start()
        engine.join()
        session.in_backward = False
    assert [float(norm) for norm in record.gradients] == [6.0]
