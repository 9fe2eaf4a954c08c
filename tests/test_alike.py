"""Trainings alike: what few of many show is worth knowing, no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnose.alike import MANY, weighed
from diagnose.finding import Finding, Source
from diagnose.run import Optimizer, Training

LINE = Source("clients.py", 39)


def trained(count: int, source: Source | None = LINE) -> list[Training]:
    return [Training(id=i, steps=50, optimizers=[Optimizer(i, "SGD", source=source)]) for i in range(count)]


def diverged(*trainings: int) -> list[Finding]:
    return [replace(Finding("the loss rose"), rule="diverging-loss", training=i) for i in trainings]


@pytest.mark.parametrize(("shown", "told"), [(1, "note"), (4, "note"), (5, "error"), (20, "error")])
def test_what_a_fifth_or_less_of_twenty_trainings_show_is_a_note(shown: int, told: str) -> None:
    found = weighed(diverged(*range(shown)), trained(20))
    assert {finding.severity for finding in found} == {told}
    if told == "note":
        assert found[0].message == f"the loss rose; in {shown} of 20 trainings by the same lines"


def test_few_trainings_speak_for_themselves() -> None:
    assert weighed(diverged(0), trained(MANY - 1)) == diverged(0)


def test_trainings_by_other_lines_are_not_counted() -> None:
    others = [Training(id=20, optimizers=[Optimizer(20, "SGD", source=Source("clients.py", 80))])]
    assert weighed(diverged(20), trained(20) + others) == diverged(20)


def test_trainings_whose_lines_are_unknown_are_not_alike() -> None:
    assert weighed(diverged(0), trained(20, source=None)) == diverged(0)
