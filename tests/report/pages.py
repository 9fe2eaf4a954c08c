"""Runs to draw: hand-built, of any size and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from diagnose.finding import Diagnosis, Evidence, Finding, Fix, Source
from diagnose.run import (
    EvaluationSet,
    InputSite,
    Layer,
    LossSite,
    Optimizer,
    Parameter,
    Run,
    Series,
    Training,
)

UNITS = {"loss": "loss", "gradient_norm": "loss per weight", "dead_share": "share", "output_std": "output"}
SITE = "cross_entropy (train.py:30)"


def network(depth: int, prefix: str = "net") -> tuple[list[Layer], list[Parameter]]:
    """Linear layers with a ReLU each: `depth` places in all."""
    layers, parameters = [], []
    for n in range(depth):
        path = f"{prefix}.block{n // 2}.{'act' if n % 2 else 'fc'}"
        if n % 2:
            layers.append(Layer(path, "ReLU", "activation", "relu", shape=(32, 64), network=prefix))
            continue
        weight = Parameter(f"{path}.weight", path, (64, 64), 4096, fan_in=64, initial={"mean": 0.0, "std": 0.07})
        parameters.append(weight)
        settings = {"in_features": 64, "out_features": 64}
        layers.append(Layer(path, "Linear", "linear", shape=(32, 64), parameters=(weight.path,), settings=settings))
    return layers, parameters


def training(
    depth: int = 6, steps: int = 400, snapshots: int = 60, *, evaluations: bool = True, broken: bool = False,
    prefix: str = "net", **changes: Any,
) -> Training:  # fmt: skip
    """A classification; `broken` makes every number that was measured NaN."""
    random = np.random.default_rng(0)
    layers, parameters = network(depth, prefix)
    seen = np.unique(np.linspace(0, steps - 1, min(snapshots, steps)).astype(np.int64))
    every = np.arange(steps)
    series: dict[tuple[str, str | None], Series] = {}

    def put(quantity: str, place: str | None, at: np.ndarray, values: np.ndarray) -> None:
        values = np.asarray(values, float)
        series[quantity, place] = Series(quantity, place, at, values * np.nan if broken else values, UNITS.get(quantity))

    put("loss", None, every, 2.3 * np.exp(-every / steps) + 0.02 * random.standard_normal(steps))
    put("learning_rate", None, every, np.where(every < steps / 2, 0.1, 0.01))
    put("samples", None, every, np.full(steps, 32.0))
    for name, seconds in (("seconds", 0.010), ("forward_seconds", 0.004), ("backward_seconds", 0.005)):
        put(name, None, every, np.full(steps, seconds))
    put("memory_bytes", None, seen, 4e8 + 1e5 * seen)
    put("class_count", SITE, seen, np.tile([8.0, 24.0], (len(seen), 1)))
    put("input_mean", "net:0", seen, np.full(len(seen), 0.5))
    for name, value in (("std", 1.0), ("min", -3.0), ("max", 3.0)):
        put(f"input_{name}", "net:0", seen, np.full(len(seen), value))
    for position, parameter in enumerate(parameters):
        fade = 10.0 ** (-6 * (1 - position / max(len(parameters) - 1, 1)))
        put("gradient_norm", parameter.path, seen, fade * np.exp(0.3 * random.standard_normal(len(seen))))
        put("weight_norm", parameter.path, seen, np.full(len(seen), 5.0))
        put("update_norm", parameter.path, seen, np.full(len(seen), 0.005))
    for layer in layers:
        put("output_std", layer.path, seen, np.exp(0.1 * random.standard_normal(len(seen))))
        if layer.role == "activation":
            put("dead_share", layer.path, seen, np.clip(random.normal(0.2, 0.05, len(seen)), 0, 1))
        put("output_histogram", layer.path, seen, random.poisson(100.0, (len(seen), 32)))
        put("output_min", layer.path, seen, np.full(len(seen), -2.0))
        put("output_max", layer.path, seen, np.full(len(seen), 2.0))
    site = LossSite(SITE, "cross_entropy", "training", {"reduction": "mean"}, (32, 2), (32,), layer=layers[-1].path)
    at = np.linspace(0, steps - 1, 8).astype(np.int64)
    held_out = EvaluationSet(
        "val", "val", replace(site, role="evaluation"), at, 2.4 * np.exp(-at / steps), np.linspace(0.5, 0.9, 8),
        np.full(8, 200.0), np.full(8, 5.0), np.full(8, 0.02), same_data=0.0,
    )  # fmt: skip
    made: dict[str, Any] = {
        "kind": "classification", "kind_evidence": "cross_entropy over 2 classes", "steps": steps, "layers": layers,
        "parameters": parameters, "losses": [site], "evaluations": [held_out] if evaluations else [],
        "inputs": [InputSite("net:0", "net", (32, 64), "float32")], "networks": [prefix],
        "optimizers": [Optimizer(0, "Adam", {"lr": 0.1})], "epochs": range(0, steps, max(1, steps // 8)),
        "series": series,
    }  # fmt: skip
    return Training(**{**made, **changes})


def run(*trainings: Training, **changes: Any) -> Run:
    """A run that finished, with facts as a run has them."""
    facts: Mapping[str, Any] = {
        "versions": {"python": "3.11.7", "torch": "2.13.0"}, "device": "cpu", "seed": 7, "cwd": "/nowhere",
        "command": ["diagnose", "run", "train.py"], "overhead": {"fraction": 0.02, "once_seconds": 0.4},
    }  # fmt: skip
    made = Run(".diagnose/train-1", "train.py", ("--lr", "0.1"), "2026-11-22T09:15:00Z", 41.2, "finished", 0)
    return replace(made, trainings=trainings, facts=facts, **changes)


def finding(place: str, **changes: Any) -> Finding:
    """The first layer's gradient is too small, from step 40 on."""
    made = Finding(
        message=f"gradient at {place} is 1e-06 of the last layer's, limit 0.001",
        places=(place,),
        evidence=(
            Evidence("gradient_norm", f"{place}.weight", (40, 399), 1e-6, "below", 1e-3, statistic="median"),
            Evidence("loss", None, (40, 399), 0.4, "below", 0.9, statistic="relative fall"),
        ),
        steps=(40, 399),
        fix=Fix("replace the sigmoids by ReLU", "nn.ReLU()"),
        source=Source("train.py", 12),
        rule="vanishing-gradients",
        family="gradients",
        rank=1,
    )
    return replace(made, **changes)


def diagnosis(of: Run, *findings: Finding) -> Diagnosis:
    """A judged run."""
    return Diagnosis(of, findings, ("vanishing-gradients", "dead-units", "overfitting"))
