"""An explanation is read back as it was written; a run without them, or with a damaged one, is told apart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

import diagnose
from diagnose.errors import RunError
from diagnose.explanation import (
    Check,
    ExplainedInput,
    ExplainedSample,
    Explanation,
    Intervention,
    LayerShare,
    Method,
)
from diagnose.record.explanations import write_explanation
from diagnose.record.writer import Writer

MAP = np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float32).astype(float)
TRUST = (Check("completeness", 0.001, "below", 0.05), Check("deletion", -0.5, "above", 0.0))
WHOLE = Explanation(
    network="nét", method="integrated-gradients", why="differentiable", task="classification", data="9 samples",
    inputs=(ExplainedInput("nét:0", "series", (3, 4), "float32", "the mean", ("a", "b")),),
    methods=(Method("integrated-gradients", "why", "mean", trust=TRUST), Method("grad-cam", "why", refused="no", instead="occlusion")),
    samples=(
        ExplainedSample("worst", 3, "1", "2", "output 2", 0.5, 2.5, {"nét:0": MAP}, {"integrated-gradients": {"nét:0": -MAP}},
                        {"integrated-gradients": TRUST}),
        ExplainedSample("best", 4, "1", "1", "output 1", 0.5, 0.0, {}, {"integrated-gradients": {"nét:0": MAP}}, {}),
    ),
    global_importance={"nét:0": np.abs(MAP)}, layers=(LayerShare("nét.0", 0.99, 8, 2),),
    interventions=(Intervention("alone", "nét:0[1]", 1.0, float("nan"), 0.5, 0.1, 0.25, 0.5, {"feature": 1, "counter": False}),),
    loss=0.25, accuracy=0.9, chance=2.3, chance_accuracy=0.1, count=9, losses=np.arange(9.0), training_losses=np.arange(4.0),
    notes=("a note",),
)  # fmt: skip


def recorded(tmp_path: Path, *explanations: Explanation) -> Path:
    writer = Writer.create(tmp_path, "train.py", [])
    writer.stream(0, type="SGD", networks=["nét"])
    for one in explanations:
        write_explanation(writer, 0, one)
    writer.close("finished", 0)
    return writer.path


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = recorded(tmp_path, WHOLE, Explanation("other", refused="it cannot be copied"))
    one, other = diagnose.load(folder).trainings[0].explanations
    assert (other.network, other.refused, other.methods, len(other.losses)) == ("other", "it cannot be copied", (), 0)
    for name in ("network", "method", "why", "task", "data", "inputs", "methods", "layers", "loss", "accuracy", "count", "notes"):
        assert getattr(one, name) == getattr(WHOLE, name), name
    assert np.array_equal(one.losses, WHOLE.losses) and np.array_equal(one.training_losses, WHOLE.training_losses)
    assert np.array_equal(one.global_importance["nét:0"], np.abs(MAP))
    worst, best = one.samples
    assert np.array_equal(worst.inputs["nét:0"], MAP) and np.array_equal(worst.maps["integrated-gradients"]["nét:0"], -MAP)
    assert (worst.role, worst.trust, worst.loss) == ("worst", {"integrated-gradients": TRUST}, 2.5)
    assert not best.inputs and np.array_equal(best.maps["integrated-gradients"]["nét:0"], MAP)
    (exchange,) = one.interventions
    assert (exchange.place, exchange.details, exchange.loss) == ("nét:0[1]", {"feature": 1, "counter": False}, 1.0)
    assert np.isnan(exchange.accuracy)


def edited(folder: Path, *statements: str) -> Path:
    connection = sqlite3.connect(folder / "rank0.sqlite")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return folder


def test_a_run_from_before_there_were_explanations_is_read(tmp_path: Path) -> None:
    folder = edited(recorded(tmp_path), "DROP TABLE arrays")
    assert diagnose.load(folder).trainings[0].explanations == ()


@pytest.mark.parametrize(
    "damage",
    ["UPDATE arrays SET shape = '[7, 7]'", "UPDATE arrays SET dtype = 'object'", "UPDATE arrays SET data = x'00'", "DROP TABLE arrays"],
)
def test_a_damaged_one_is_one_line(tmp_path: Path, damage: str) -> None:
    with pytest.raises(RunError) as error:
        diagnose.load(edited(recorded(tmp_path, WHOLE), damage))
    assert "\n" not in str(error.value) and "rank0.sqlite" in str(error.value)
