"""Trainings written by hand for the rules' tests: a loss site, numbers, and what else a rule looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from diagnose.finding import Finding, Source
from diagnose.rules import all_rules
from diagnose.run import EvaluationSet, InputSite, Layer, LossSite, Series, Training

STEPS = 400
SNAPSHOTS = 40
LINE = Source("train.py", 12)


def site(function: str, *operations: str, **change: Any) -> LossSite:
    """A loss that was trained on, whose input was made by these operations, nearest first."""
    given: dict[str, Any] = {
        "id": "loss",
        "function": function,
        "role": "training",
        "arguments": {"reduction": "mean"},
        "input_shape": (32, 10),
        "target_shape": (32,),
        "input_dtype": "float32",
        "target_dtype": "int64",
        "operations": operations,
        "layer": "net.fc",
        "weight": 1.0,
        "calls": STEPS,
        "source": LINE,
    } | change
    return LossSite(**given)


def line(start: float, end: float, count: int = STEPS) -> np.ndarray:
    """A straight line from start to end."""
    return np.linspace(start, end, count)


def training(
    losses: LossSite | Sequence[LossSite] = (),
    numbers: Mapping[str, ArrayLike] | None = None,
    *,
    inputs: Mapping[str, ArrayLike] | None = None,
    steps: int = STEPS,
    **change: Any,
) -> Training:
    """A training of `steps` steps.

    Args:
        losses: its loss sites; the numbers of quantities that belong to one are at the first.
        numbers: value(s) by quantity, or by (quantity, place). A scalar holds at every snapshot; an array of as many
            values as steps is per step; a matrix (n, m) or another vector is over evenly spaced snapshots.
        inputs: the same for the network's input "net:0" of shape (32, 8).
        change: further arguments of Training.
    """
    sites = (losses,) if isinstance(losses, LossSite) else tuple(losses)
    series: dict[tuple[str, str | None], Series] = {}

    def put(key: str | tuple[str, str | None], value: ArrayLike, default: str | None) -> None:
        quantity, place = key if isinstance(key, tuple) else (key, default)
        values = np.asarray(value, dtype=float)
        if values.ndim == 0:
            values = np.full(min(SNAPSHOTS, steps), float(values))
        axis = np.unique(np.linspace(0, steps - 1, len(values)).astype(np.int64))
        series[quantity, place] = Series(quantity, place, axis, values)

    of_losses = ("loss_", "training_loss", "class_", "outside_", "label_")
    for key, value in (numbers or {}).items():
        name = key[0] if isinstance(key, tuple) else key
        put(key, value, sites[0].id if sites and name.startswith(of_losses) and name != "loss_scale" else None)
    for key, value in (inputs or {}).items():
        put(key, value, "net:0")
    given: dict[str, Any] = {
        "kind": "classification",
        "steps": steps,
        "losses": sites,
        "networks": ["net"],
        "series": series,
        "inputs": [InputSite("net:0", "net", (32, 8), "float32")] if inputs else [],
    } | change
    return Training(**given)


def evaluation(name: str = "val", loss: Sequence[float] = (1.0, 0.8, 0.7, 0.6, 0.5), **change: Any) -> EvaluationSet:
    """An evaluation set with one pass for each loss, evenly over the training."""
    passes = len(loss)
    given: dict[str, Any] = {
        "id": f"evaluation {name}",
        "name": name,
        "site": site("cross_entropy", "addmm", id="evaluated", role="evaluation"),
        "steps": np.linspace(STEPS / passes - 1, STEPS - 1, passes).astype(np.int64),
        "loss": np.asarray(loss, dtype=float),
        "accuracy": np.full(passes, 0.8),
        "samples": np.full(passes, 500.0),
        "batches": np.full(passes, 5.0),
        "noise": np.full(passes, 0.01),
        "same_data": 0.0,
        "grad_enabled": False,
    } | change
    return EvaluationSet(**given)


def layer(path: str, role: str, kind: str = "", **change: Any) -> Layer:
    """A layer of the network "net"."""
    given: dict[str, Any] = {
        "path": path,
        "type": kind or role.title(),
        "role": role,
        "shape": (32, 16),
        "input_shape": (32, 16),
        "network": "net",
        "source": LINE,
    } | change
    return Layer(**given)


def found(name: str, recorded: Training, **thresholds: Any) -> list[Finding]:
    """The rule's findings; each must be whole: evidence that holds, a fix, one line with a place and a number."""
    findings = list(all_rules()[name](recorded, **thresholds))
    for finding in findings:
        assert finding.evidence and all(evidence.holds() for evidence in finding.evidence)
        assert finding.fix is not None and finding.places
        assert "\n" not in finding.message and not finding.message.endswith(".")
        assert any(character.isdigit() for character in finding.message)
    return findings
