import numpy as np
import pytest
from made import findings, flat, made

RULE = "schedule-collapsed"


def collapsing(step: int, *, settled: bool = False, steps: int = 400) -> object:
    """The rate falls to nothing around `step`; the loss falls until then and stays (or had settled long before)."""
    t = np.arange(steps)
    rates = 0.1 * 0.01 ** (t / step)
    way = np.minimum(t / step, 1.0) if not settled else np.minimum(t / (step / 6), 1.0)
    loss = 2.0 - 1.2 * way + 0.005 * np.random.default_rng(0).standard_normal(steps)
    return made({("learning_rate", None): rates}, loss=loss, losses=())


@pytest.mark.parametrize(("step", "loud"), [(100, True), (300, True), (340, False), (399, False)])
def test_speaks_when_most_of_the_training_is_left(step: int, loud: bool) -> None:
    assert bool(findings(RULE, collapsing(step))) is loud


def test_silent_when_the_loss_had_settled() -> None:
    assert not findings(RULE, collapsing(150, settled=True))


def test_constant_rate() -> None:
    assert not findings(
        RULE, made({("learning_rate", None): np.full(400, 0.1)}, loss=np.linspace(2, 1, 400), losses=())
    )


def test_restarts_are_no_collapse() -> None:
    t = np.arange(400)
    assert not findings(
        RULE, made({("learning_rate", None): 0.1 * 0.01 ** ((t % 110) / 100)}, loss=np.linspace(2, 1, 400), losses=())
    )


def test_names_the_step() -> None:
    (finding,) = findings(RULE, collapsing(100))
    assert "at step 101" in finding.message and finding.fix and "400 steps" in finding.fix.text


@pytest.mark.parametrize(
    ("step", "scheduler", "severity"),
    [
        (100, "ExponentialLR", "error"),
        (190, "ExponentialLR", "error"),
        (250, "ExponentialLR", None),
        (100, "ReduceLROnPlateau", None),
    ],
)
def test_collapsed_before_anything_was_learnt(step: int, scheduler: str, severity: str | None) -> None:
    rates = 0.1 * 0.01 ** (np.arange(400) / step)
    training = made({("learning_rate", None): rates}, loss=flat(400), facts={"scheduler": {"class": scheduler}})
    assert [f.severity for f in findings(RULE, training)] == ([severity] if severity else [])
