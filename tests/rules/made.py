"""Hand-built trainings for the tests of rules: a small network, a loss that falls or does not, and given numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from diagnose.finding import Finding, Source
from diagnose.rules import all_rules
from diagnose.run import Layer, LossSite, Optimizer, Parameter, Series, Training

STEPS, SNAPSHOTS = 200, 20
LN2 = float(np.log(2))
SITE = LossSite(
    "bce@train.py:30", "binary_cross_entropy_with_logits", "training", {"reduction": "mean"}, (32, 1), (32, 1),
    layer="net.out", weight=1.0, source=Source("train.py", 30),
)  # fmt: skip
Given = Mapping[tuple[str, str | None], Any]


def mlp(
    depth: int = 3, width: int = 8, activation: str = "relu", std: float | None = None
) -> tuple[list[Layer], list[Parameter]]:
    """`depth` hidden linear layers with an activation after each, and an output layer `net.out`."""
    layers, parameters = [], []
    sizes = [width] * (depth + 1) + [1]
    for i, (into, out) in enumerate(pairwise(sizes)):
        path = "net.out" if i == depth else f"net.{i}"
        layers.append(
            Layer(path, "Linear", "linear", shape=(32, out), parameters=(f"{path}.weight", f"{path}.bias"),
                  network="net", settings={"in_features": into, "out_features": out}, source=Source("train.py", 10 + i))
        )  # fmt: skip
        drawn = std if std is not None else (1 / (3 * into)) ** 0.5
        for name, shape in (("weight", (out, into)), ("bias", (out,))):
            parameters.append(
                Parameter(f"{path}.{name}", path, shape, int(np.prod(shape)), reached=True, optimizer=0, fan_in=into,
                          fan_out=out, initial={"mean": 0.0, "std": drawn}, network="net")
            )  # fmt: skip
        if i < depth:
            layers.append(
                Layer(f"net.act{i}", activation.title(), "activation", activation, shape=(32, out), network="net")
            )
    return layers, parameters


def falling(steps: int = STEPS, start: float = LN2, end: float = 0.05) -> np.ndarray:
    """A loss that falls as it should, with the noise of batches."""
    t = np.linspace(0, 1, steps)
    return end + (start - end) * np.exp(-6 * t) + 0.01 * np.random.default_rng(0).standard_normal(steps)


def flat(steps: int = STEPS, level: float = LN2) -> np.ndarray:
    """A loss at what a constant answers, with the noise of batches."""
    return level + 0.01 * np.random.default_rng(1).standard_normal(steps)


def made(
    given: Given | None = None, *, loss: np.ndarray | None = None, layers: Sequence[Layer] | None = None,
    parameters: Sequence[Parameter] | None = None, **change: Any,
) -> Training:  # fmt: skip
    """A binary classification with balanced labels and these quantities.

    A given value is a number (at each snapshot), a list of numbers (evenly spread), an array with a trailing axis (one
    row a snapshot), or a function of the share of the training that has passed.
    """
    loss = flat() if loss is None else loss
    steps = len(loss)
    own_layers, own_parameters = mlp()
    series: dict[tuple[str, str | None], Series] = {}

    def put(quantity: str, place: str | None, value: Any, every: bool = False) -> None:
        axis = np.arange(steps) if every else np.linspace(0, steps - 1, min(SNAPSHOTS, steps)).astype(np.int64)
        if callable(value):
            values = np.asarray([value(t) for t in np.linspace(0, 1, len(axis))], dtype=float)
        elif np.ndim(value) == 0:
            values = np.full(len(axis), float(value))
        else:
            values = np.asarray(value, dtype=float)
            axis = np.arange(steps) if len(values) == steps else np.linspace(0, steps - 1, len(values)).astype(np.int64)
        series[quantity, place] = Series(quantity, place, axis, values)

    put("loss", None, loss)
    put("training_loss", SITE.id, loss)
    put("learning_rate", None, 0.1, every=True)
    put("loss_target_mean", SITE.id, 0.5)
    put("loss_target_integer_share", SITE.id, 1.0)
    put("loss_target_std_across", SITE.id, 0.5)
    put("class_count", SITE.id, np.full((SNAPSHOTS, 2), 16.0))
    for (quantity, place), value in (given or {}).items():
        put(quantity, place, value, every=place is None)
    arguments: dict[str, Any] = {
        "kind": "binary-classification", "steps": steps, "layers": own_layers if layers is None else layers,
        "parameters": own_parameters if parameters is None else parameters, "losses": [SITE], "networks": ["net"],
        "optimizers": [Optimizer(0, "SGD", {"lr": 0.1}, Source("train.py", 20))], "series": series,
    } | change  # fmt: skip
    return Training(**arguments)


def per(
    quantity: str, places: Sequence[Layer | Parameter], value: Callable[[int], Any] | Any
) -> dict[tuple[str, str | None], Any]:
    """The same quantity at several places; a function is asked for each place by its position."""
    return {(quantity, p.path): value(i) if callable(value) else value for i, p in enumerate(places)}


def findings(name: str, training: Training, **thresholds: Any) -> list[Finding]:
    """What a rule says; its evidence must hold."""
    with np.errstate(all="ignore"):
        found = list(all_rules()[name](training, **thresholds))
    for finding in found:
        assert finding.evidence and all(e.holds() for e in finding.evidence), finding
    return found


__all__ = ["LN2", "SITE", "SNAPSHOTS", "STEPS", "falling", "findings", "flat", "made", "mlp", "per", "replace"]
