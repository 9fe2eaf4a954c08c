import numpy as np
import pytest
from made import SITE, STEPS, falling, findings, flat, made, mlp, per

from diagnose.run import Optimizer

RULE = "overwhelming-regularization"


def shrinking(to: float, decay: float, **change: object):
    _, parameters = mlp()
    norms = per("weight_norm", parameters, lambda i: lambda t: 1 - (1 - to) * min(1.0, 2 * t))
    return made(norms, optimizers=[Optimizer(0, "SGD", {"weight_decay": decay})], **change)


@pytest.mark.parametrize(
    ("to", "decay", "loud"),
    [(0.25, 0.5, True), (0.35, 0.5, False), (0.01, 1e-3, True), (0.01, 9e-4, False), (0.01, 0.0, False)],
)
def test_by_shrinkage_and_decay(to: float, decay: float, loud: bool) -> None:
    assert bool(findings(RULE, shrinking(to, decay))) is loud


@pytest.mark.parametrize(("added", "loud"), [(10.0, True), (3.2, True), (2.4, False), (0.0, False)])
def test_a_penalty_that_the_program_adds_by_hand(added: float, loud: bool) -> None:
    """At a data loss of 0.69: more than four fifths of the first loss are the penalty's."""
    _, parameters = mlp()
    norms = per("weight_norm", parameters, lambda i: lambda t: 1 - 0.9 * t)
    total = flat() + added * np.exp(-np.arange(STEPS) / 20)
    training = made(norms | {("training_loss", SITE.id): flat()}, loss=total)
    found = findings(RULE, training)
    assert bool(found) is loud
    assert not loud or "added to it" in found[0].message


def test_silent_while_the_loss_falls() -> None:
    assert not findings(RULE, shrinking(0.1, 0.5, loss=falling()))


def test_names_decay_and_share() -> None:
    (finding,) = findings(RULE, shrinking(0.1, 0.5))
    assert "weight decay 0.5" in finding.message and "0.1 of their first norm" in finding.message
    assert finding.fix and finding.fix.code == "weight_decay=0.0001"
