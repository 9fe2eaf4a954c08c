from dataclasses import replace

import numpy as np
import pytest
from hand_built import found, layer, site, training
from made import LN2, SITE, SNAPSHOTS, findings, made, mlp

from diagnose.run import Edge, InputSite

RULE = "constant-output"


def spread(value: object, site=SITE, **given: object):
    more = {(name, SITE.id): v for name, v in given.items()}
    return made({("loss_input_std_across", SITE.id): value} | more, losses=[site])


@pytest.mark.parametrize(("value", "loud"), [(0.0, True), (0.009, True), (0.011, False), (1.0, False)])
def test_logits(value: float, loud: bool) -> None:
    assert bool(findings(RULE, spread(value))) is loud


@pytest.mark.parametrize(("value", "loud"), [(0.4, True), (0.6, False)])
def test_numbers_relative_to_the_targets(value: float, loud: bool) -> None:
    site = replace(SITE, function="mse_loss")
    assert bool(findings(RULE, spread(value, site, loss_target_std_across=50.0))) is loud


def test_small_only_at_the_start_is_ordinary() -> None:
    assert not findings(RULE, spread([0.0] * 6 + [1.0] * 14))


def test_since_when() -> None:
    (finding,) = findings(RULE, spread([1.0] * 8 + [1e-6] * 12))
    assert finding.steps == (83, 199) and "net.out" in finding.message


def test_one_class_needs_one_answer() -> None:
    counts = np.zeros((SNAPSHOTS, 2))
    counts[:, 0] = 32
    assert not findings(RULE, spread(0.0, class_count=counts))


def test_targets_that_do_not_vary() -> None:
    assert not findings(RULE, spread(0.0, replace(SITE, function="mse_loss"), loss_target_std_across=0.0))


@pytest.mark.parametrize("kind", ["gan", "reinforcement", "vae"])
def test_kinds_without_an_answer(kind: str) -> None:
    assert not findings(RULE, made({("loss_input_std_across", SITE.id): 0.0}, kind=kind))


@pytest.mark.parametrize(
    ("kind", "shape", "settings", "loud"),
    [
        ("LayerNorm", (32, 1), {"normalized_shape": [1]}, True),
        ("LayerNorm", (32, 2), {"normalized_shape": [2]}, False),
        ("GroupNorm", (32, 8), {"num_groups": 8, "num_channels": 8}, True),
        ("GroupNorm", (32, 8, 4), {"num_groups": 8, "num_channels": 8}, False),
        ("GroupNorm", (32, 8), {"num_groups": 4, "num_channels": 8}, False),
        ("RMSNorm", (32, 1), {"normalized_shape": [1]}, False),  # keeps the sign
    ],
)
def test_one_number_normalised_by_itself(kind: str, shape: tuple[int, ...], settings: dict[str, object], loud: bool) -> None:
    net = [layer("net.scale", "normalization", kind, shape=shape, settings=settings), layer("net.fc", "linear", shape=(32, 4))]
    seen = found(RULE, training(site("cross_entropy", "addmm"), {"loss_input_std_across": 1.0}, layers=net))
    assert [f.places for f in seen] == ([("net.scale",)] if loud else [])
    assert all("1 number" in f.message and f.severity == "error" for f in seen)


def averaged(left: float = 2e-8, answer: float = 1e-9, operations=(), role: str = "pooling", first: str = "normalization"):
    """What is left of an instance norm's output after the next layer, and how much the answers differ."""
    net = [
        layer("net.norm", first, "InstanceNorm2d", shape=(32, 8, 5, 5)),
        layer("net.pool", role, "AdaptiveAvgPool2d", shape=(32, 8, 1, 1)),
        layer("net.fc", "linear", shape=(32, 4)),
    ]
    numbers = {
        ("batch_std", "net.norm"): 2.0, ("batch_std", "net.pool"): left, "loss_input_std_across": answer,
        "loss_input_std": 0.05, "loss_input_mean": 0.01,
    }  # fmt: skip
    edges = [Edge("net.norm", "net.pool", operations)]
    return training(site("cross_entropy", "addmm"), numbers, layers=net, edges=edges)


def test_what_was_normalised_and_is_averaged_leaves_nothing() -> None:
    seen = found(RULE, averaged())
    assert seen[0].places == ("net.norm", "net.pool") and seen[0].confidence == 0.95
    assert "InstanceNorm2d" in seen[0].message and "varies by 2.0e-08" in seen[0].message


@pytest.mark.parametrize(
    ("change", "loud"),
    [
        ({}, True),
        ({"left": 1e-4}, False),  # 5e-5 of what came in
        ({"answer": 0.5}, False),  # another path answers: it is a gate
        ({"role": "linear"}, False),
        ({"role": "linear", "operations": ("mean", "view")}, True),
        ({"first": "activation"}, False),
    ],
)
def test_only_an_average_over_a_norm_that_cuts_the_inputs_off(change: dict[str, object], loud: bool) -> None:
    seen = found(RULE, averaged(**change))
    assert any(f.places[0] == "net.norm" for f in seen) is loud


@pytest.mark.parametrize(("ratio", "loud"), [(2e-3, False), (2e-2, True), (1e-5, True)])
def test_what_has_hardly_begun_answers_as_it_was_drawn(ratio: float, loud: bool) -> None:
    """All steps together too few to make other weights of them, while the loss falls to the end."""
    parameters, loss = mlp()[1], LN2 - np.linspace(0, 0.02, 200)
    moves = {(name, p.path): v for p in parameters for name, v in (("update_norm", ratio), ("weight_norm", 1.0))}
    given = {("loss_input_std_across", SITE.id): 0.001} | moves
    assert bool(findings(RULE, made(given, losses=[SITE], parameters=parameters, loss=loss))) is loud


TOKENS = InputSite("net:0", "net", (32, 8), "int64")
MASK, NUMBERS = replace(TOKENS, id="net:mask"), replace(TOKENS, dtype="float32")
ENTROPY = np.full(400, np.log(10))


def told(ranges: list[tuple[float, float]], *sites: InputSite, loss: np.ndarray = ENTROPY, kind: str = "classification"):
    """A training whose inputs lie between these two numbers each, in every snapshot."""
    fed = {(f"input_{end}", site.id): value for site, ends in zip(sites, ranges, strict=True)
           for end, value in zip(("min", "max"), ends, strict=True)}  # fmt: skip
    given = training(site("cross_entropy", "addmm"), fed | {"training_loss": loss, "loss": loss}, kind=kind)
    given.inputs = sites
    return given


def test_inputs_that_are_one_number_everywhere() -> None:
    (finding,) = found(RULE, told([(1, 1)], TOKENS))
    assert finding.severity == "error" and "net:0 is 1 everywhere" in finding.message and finding.places == ("net:0",)
    assert found(RULE, told([(1, 1), (0, 0)], TOKENS, MASK))


@pytest.mark.parametrize(
    "silent",
    [
        told([(0, 1)], TOKENS),
        told([(0, 5), (1, 1)], TOKENS, MASK),  # a mask of ones beside what varies
        told([(1, 1)], TOKENS, loss=np.linspace(np.log(10), 0.3, 400)),  # it learns: from something that is no tensor
        told([(1, 1)], NUMBERS),  # constant-features speaks of numbers
        told([(1, 1)], replace(TOKENS, shape=(1, 8))),
        told([(1, 1)], TOKENS, kind="gan"),
        told([], loss=ENTROPY),
    ],
    ids=["two numbers", "beside another", "learns", "no indices", "one sample", "drawn", "nothing known"],
)
def test_inputs_that_tell_something_or_need_not(silent) -> None:
    assert not found(RULE, silent)


def test_one_number_a_batch_is_not_one_number() -> None:
    given = told([(1, 1)], TOKENS)
    for end in ("min", "max"):
        series = given.series(f"input_{end}", "net:0")
        series.values[1::2] = 2.0
    assert not found(RULE, given)
