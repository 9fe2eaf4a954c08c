"""Every rule against every law: `check_*(rule)` functions that hold for all rules, present and to come."""
# ruff: noqa: SIM905 - lists of names read better as text

from __future__ import annotations

import copy
import inspect
import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from diagnose.explanation import Check, ExplainedInput, Explanation, Intervention, Method
from diagnose.finding import SEVERITIES, Finding
from diagnose.judge import _unable
from diagnose.observe.probes import all_probes
from diagnose.record.ranks import SPREADS
from diagnose.rules import Rule, all_rules
from diagnose.run import (
    Edge,
    EvaluationSet,
    Event,
    InputSite,
    Layer,
    LossSite,
    Optimizer,
    Parameter,
    Series,
    Training,
)
from diagnose.settings import Settings

SECTIONS = ("What it does:", "Why is this bad:", "Fix:", "Known problems:", "Example:", "References:")
CURES = ("use-", "avoid-", "add-", "set-", "check-", "prefer-", "do-not-", "no-zero-", "try-", "clip-", "reduce-")
PER_STEP = (
    "loss learning_rate samples backwards optimizer seconds data_seconds forward_seconds backward_seconds "
    "optimizer_seconds evaluation_seconds clip_norm clip_limit uncleared loss_scale skipped memory_bytes"
).split()
PER_PARAMETER = (
    "gradient_norm gradient_present weight_norm update_norm weight_row_spread"
).split()
PER_LAYER = (
    "output_mean output_std output_min output_max output_max_abs zero_share saturated_share dead_share batch_std "
    "output_gradient_norm layer_training softmax_entropy state_handed_on"
).split()
RAGGED_PER_LAYER = "unit_std output_histogram through_time state_norm".split()
PER_LOSS = (
    "training_loss loss_input_min loss_input_max loss_input_mean loss_input_std loss_input_row_sum "
    "loss_input_row_sum_error loss_input_std_across loss_target_std_across loss_target_min loss_target_max "
    "loss_target_mean loss_target_std loss_target_integer_share loss_accuracy label_repeat_share outside_unit_share"
).split()
BY_CLASS = ("class_count", "class_right")
PER_INPUT = (
    "input_mean input_std input_min input_max input_non_finite_share input_batch_std input_integer_share".split()
)
RAGGED_PER_INPUT = "feature_mean feature_std feature_min feature_max".split()
BETWEEN_RANKS = "weight_rank_spread gradient_rank_spread loss_rank_spread learning_rate_rank_spread".split()
QUANTITIES = {
    *PER_STEP, *PER_PARAMETER, *PER_LAYER, *RAGGED_PER_LAYER, *PER_LOSS, *BY_CLASS, *PER_INPUT, *RAGGED_PER_INPUT,
    *BETWEEN_RANKS, "rank_lag",
}  # fmt: skip
PARTS = {"evaluations", "losses", "edges", "parameters", "inputs", "layers", "events", "optimizers", "ranks", "explanations"}
CATALOGUE = set(
    """
    vanishing-gradients exploding-gradients non-finite-values missing-zero-grad unused-parameters clipping-too-hard
    clipped-while-scaled dead-units saturated-activations constant-output missing-activation poor-initialization
    symmetric-initialization parameters-not-in-optimizer missing-optimizer-step learning-rate-too-high learning-rate-too-low schedule-collapsed
    overwhelming-regularization softmax-before-cross-entropy sigmoid-before-bce-with-logits unbounded-output-in-bce
    wrong-loss-for-task wrong-output-activation wrong-softmax-dimension loss-shape-broadcast wrong-initial-loss
    overfitting underfitting overtraining stopped-too-early loss-not-decreasing diverging-loss oscillating-loss
    loss-spikes suspicious-validation no-validation unnormalized-inputs unscaled-targets class-imbalance unshuffled-data
    too-little-data train-validation-leakage constant-labels non-finite-inputs constant-features
    evaluation-in-training-mode training-in-evaluation-mode batch-norm-small-batch dropout-too-strong short-memory
    exploding-through-time attention-collapse mode-collapse discriminator-dominates latent-collapse no-bottleneck
    data-loading-bottleneck memory-growth accumulated-graph repeated-evaluation tiny-batches wasted-epochs
    rank-divergence rank-repeats-data rank-straggler shortcut-feature input-ignored label-leak memorised-samples
    unstable-explanation
    """.split()
)

LAYERS = (
    Layer("net.0", "Linear", "linear", shape=(32, 16), parameters=("net.0.weight", "net.0.bias"), network="net",
          settings={"in_features": 8, "out_features": 16}),
    Layer("net.1", "ReLU", "activation", "relu", shape=(32, 16), network="net"),
    Layer("net.2", "Linear", "linear", shape=(32, 16), parameters=("net.2.weight", "net.2.bias"), network="net",
          settings={"in_features": 16, "out_features": 16}),
    Layer("net.3", "Tanh", "activation", "tanh", shape=(32, 16), network="net"),
    Layer("net.4", "RNN", "recurrent", shape=(32, 10, 16), parameters=("net.4.weight_hh_l0",), network="net"),
    Layer("net.5", "softmax", "activation", "softmax", functional=True, shape=(32, 4, 10, 10), network="net"),
    Layer("net.6", "BatchNorm1d", "normalization", shape=(32, 16), parameters=("net.6.weight",), network="net"),
    Layer("net.7", "Dropout", "dropout", shape=(32, 16), network="net", settings={"p": 0.2}),
    Layer("net.8", "Linear", "linear", shape=(32, 3), parameters=("net.8.weight",), network="net",
          settings={"in_features": 16, "out_features": 3}),
)  # fmt: skip
SHAPES = {
    "net.0.weight": (16, 8), "net.0.bias": (16,), "net.2.weight": (16, 16), "net.2.bias": (16,),
    "net.4.weight_hh_l0": (16, 16), "net.6.weight": (16,), "net.8.weight": (3, 16),
}  # fmt: skip
SITE = LossSite(
    "cross_entropy@train.py:40", "cross_entropy", "training", {"reduction": "mean"}, (32, 3), (32,), "float32", "int64",
    ("addmm", "relu", "addmm"), layer="net.8", weight=1.0, calls=500, optimizer=0,
)  # fmt: skip
EVALUATED = replace(SITE, id="cross_entropy@train.py:60", role="evaluation")


def training(
    fill: Callable[[str, int, int], np.ndarray],
    *, steps: int = 400, snapshots: int = 40, prefix: str = "", **change: object,
) -> Training:  # fmt: skip
    """A training in which everything is recorded; `fill(quantity, rows, columns)` gives the numbers."""
    layers = tuple(
        replace(layer, path=prefix + layer.path, parameters=tuple(prefix + p for p in layer.parameters))
        for layer in LAYERS
    )
    parameters = tuple(
        Parameter(
            prefix + path, prefix + path.rsplit(".", 1)[0], shape, int(np.prod(shape)), reached=True, optimizer=0,
            fan_in=shape[-1] if len(shape) > 1 else None, fan_out=shape[0] if len(shape) > 1 else None,
            initial={"mean": 0.0, "std": (1 / (3 * shape[-1])) ** 0.5, "min": -0.3, "max": 0.3, "norm": 1.0},
            network="net",
        )
        for path, shape in SHAPES.items()
    )  # fmt: skip
    every = np.arange(steps)
    some = np.unique(np.linspace(0, max(steps - 1, 0), min(snapshots, steps)).astype(np.int64))
    series: dict[tuple[str, str | None], Series] = {}

    def put(quantity: str, place: str | None, axis: np.ndarray, columns: int = 0) -> None:
        values = fill(quantity, len(axis), columns)
        series[quantity, place] = Series(quantity, place, axis, values)

    for quantity in PER_STEP:
        put(quantity, None, every)
    for quantity in PER_PARAMETER:
        for parameter in parameters:
            put(quantity, parameter.path, some)
    for layer in layers:
        for quantity in PER_LAYER:
            put(quantity, layer.path, some)
        for quantity in RAGGED_PER_LAYER:
            put(quantity, layer.path, some, 12)
    for quantity in PER_LOSS:
        put(quantity, SITE.id, every if quantity == "training_loss" else some)
        put(quantity, EVALUATED.id, some)
    for quantity in BY_CLASS:
        put(quantity, SITE.id, some, 3)
    for quantity in PER_INPUT:
        put(quantity, "net:0", some)
    for quantity in RAGGED_PER_INPUT:
        put(quantity, "net:0", some, 8)
    for parameter in parameters:
        put("weight_rank_spread", parameter.path, some)
        put("gradient_rank_spread", parameter.path, some)
    put("loss_rank_spread", None, every)
    put("learning_rate_rank_spread", None, every)
    for rank in ("rank 0", "rank 1"):
        put("rank_lag", rank, every)
    passes = every[steps // 10 :: max(steps // 10, 1)]
    evaluation = EvaluationSet(
        "val", "val", EVALUATED, passes, fill("loss", len(passes), 0), np.clip(fill("share", len(passes), 0), 0, 1),
        np.full(len(passes), 500.0), np.full(len(passes), 5.0), np.full(len(passes), 0.02), same_data=0.0,
        grad_enabled=False, evaluation_layers=(prefix + "net.6", prefix + "net.7"),
    )  # fmt: skip
    shared = float(np.nan_to_num(fill("rank_repeats", 1, 0)[0], posinf=1.0))
    repeats = {"step": shared, "own_step": 0.0, "epoch": shared, "own": 0.0, "samples": 640}
    given: dict[str, object] = {
        "kind": "classification", "steps": steps, "layers": layers, "parameters": parameters,
        "edges": [Edge(a.path, b.path) for a, b in pairwise(layers)] + [Edge(layers[-1].path, SITE.id)],
        "losses": [replace(SITE, layer=prefix + "net.8"), replace(EVALUATED, layer=prefix + "net.8")],
        "evaluations": [evaluation], "inputs": [InputSite("net:0", "net", (32, 8), "float32")],
        "optimizers": [Optimizer(0, "SGD", {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0})], "networks": ["net"],
        "epochs": list(range(0, steps, max(steps // 10, 1))),
        "facts": {"data": {"loader": {"class": "DataLoader", "batch_size": 32, "shuffle": True, "dataset_size": 1280}},
                  "train_repeats": 0.0, "rank_repeats": repeats},
        "series": series, "ranks": 2, "explanations": explanations(fill),
    } | change  # fmt: skip
    return Training(**given)  # type: ignore[arg-type]


def explanations(fill: Callable[[str, int, int], np.ndarray]) -> tuple[Explanation, ...]:
    """Of a table, an image and a text: in health each exchange costs its share; else `fill` gives every number."""
    sound = fill is healthy

    def one(quantity: str, value: float) -> float:
        return value if sound else float(fill(quantity, 1, 0)[0])

    def exchanged(what: str, place: str, accuracy: float, **details: object) -> Intervention:
        loss, right, change, noise = (one(name, value) for name, value in
                                      (("loss", 2.0), ("share", accuracy), ("change", 0.5), ("noise", 0.05)))  # fmt: skip
        return Intervention(what, place, loss, right, change, noise, 0.06, one("mass", 0.1), details)

    inputs = (
        ExplainedInput("net:0", "tabular", (8,), "float32", "the mean"),
        ExplainedInput("net:1", "image", (8, 8), "float32", "the background"),
        ExplainedInput("net:2", "tokens", (12,), "int64", "the padding symbol 0"),
    )
    corner = {"border": True, "corner": True}
    interventions = (
        *(exchanged("shuffled", given.id, 0.6) for given in inputs), exchanged("shuffled", "net:2 padding", 0.9),
        exchanged("shuffled", "net:0[3]", 0.85, feature=3, counter=not sound),
        exchanged("alone", "net:0[3]", 0.4, feature=3, counter=not sound),
        exchanged("shuffled", "net:1[0:2,0:2]", 0.9, **corner), exchanged("alone", "net:1[0:2,0:2]", 0.35, **corner),
    )  # fmt: skip
    trust = (
        Check("completeness", one("gap", 0.001), "below", 0.05), Check("sensitivity", one("moved", 0.05), "below", 1.0),
        Check("randomisation", one("likeness", 0.3), "below", 0.7),
    )  # fmt: skip
    losses, seen = (np.abs(fill("loss", 100, 0)) for _ in range(2))
    return (
        Explanation(
            "net", "integrated-gradients", "differentiable", "classification", "samples", inputs,
            (Method("integrated-gradients", "differentiable", trust=trust),), interventions=interventions,
            loss=one("loss", 0.2), accuracy=one("share", 0.95), chance=one("chance", 1.1), chance_accuracy=one("chance", 0.34),
            count=100, losses=losses, training_losses=seen,
        ),
        Explanation("other", refused="it cannot be copied"),
    )  # fmt: skip


def healthy(quantity: str, rows: int, columns: int) -> np.ndarray:
    """Numbers of a training that goes well."""
    generator = np.random.default_rng(sum(map(ord, quantity)))
    t = np.linspace(0, 1, max(rows, 1))[:rows]
    level: dict[str, np.ndarray | float] = {
        "loss": 0.1 + np.exp(-5 * t), "training_loss": 0.1 + np.exp(-5 * t), "learning_rate": 0.1, "samples": 32.0,
        "backwards": 1.0, "optimizer": 0.0, "seconds": 0.01, "data_seconds": 5e-4, "forward_seconds": 3e-3,
        "backward_seconds": 5e-3, "optimizer_seconds": 1e-3, "evaluation_seconds": 0.0, "clip_norm": 0.5,
        "clip_limit": 1.0, "uncleared": 0.0, "loss_scale": 1.0, "skipped": 0.0, "memory_bytes": 2e8,
        "gradient_present": 1.0, "update_norm": 0.005, "weight_row_spread": 0.97,
        "gradient_norm": 0.3, "weight_norm": 1 + 0.3 * t, "output_mean": 0.1,
        "output_min": -2.0, "output_max": 2.5, "output_max_abs": 2.5, "zero_share": 0.4, "saturated_share": 0.02,
        "dead_share": 0.0, "layer_training": 1.0, "softmax_entropy": 0.7,
        "loss_input_min": -4.0, "loss_input_max": 4.0, "loss_input_mean": 0.0, "loss_input_std": 2.0,
        "loss_input_row_sum": 0.5, "loss_input_row_sum_error": 3.0, "loss_target_min": 0.0, "loss_target_max": 2.0,
        "loss_target_mean": 1.0, "loss_target_std": 0.8, "loss_target_integer_share": 1.0,
        "loss_accuracy": 0.4 + 0.5 * t, "label_repeat_share": 0.33, "outside_unit_share": 0.9, "class_count": 11.0, "class_right": 9.0,
        "input_mean": 0.0, "input_std": 1.0, "input_min": -3.0, "input_max": 3.0, "input_non_finite_share": 0.0,
        "input_batch_std": 1.0, "input_integer_share": 0.0, "feature_mean": 0.0, "feature_std": 1.0,
        "feature_min": -3.0, "feature_max": 3.0, "share": 0.4 + 0.5 * t, "state_norm": 1.0, "through_time": 0.5,
        "weight_rank_spread": 0.0, "gradient_rank_spread": 0.0, "loss_rank_spread": 0.1, "learning_rate_rank_spread": 0.0,
        "rank_lag": 0.0, "rank_repeats": 0.0,
    }  # fmt: skip
    counted = quantity in (*BY_CLASS, "samples", "backwards", "optimizer", "uncleared", "skipped", "layer_training")
    shaped = np.broadcast_to(np.asarray(level.get(quantity, 1.0), dtype=float), (rows,))
    if columns:
        shaped = np.repeat(shaped[:, None], columns, axis=1)
    exact = counted or quantity.endswith(
        ("_present", "_share", "integer_share", "clip_limit", "learning_rate", "loss_scale")
    )
    return shaped.copy() if exact else shaped * (1 + 0.02 * generator.standard_normal(shaped.shape))


def constant(value: float) -> Callable[[str, int, int], np.ndarray]:
    return lambda quantity, rows, columns: np.full((rows, columns) if columns else (rows,), value)


def noise(seed: int) -> Callable[[str, int, int], np.ndarray]:
    """Anything at all: numbers over many orders of magnitude, holes, infinities."""
    generator = np.random.default_rng(seed)

    def fill(quantity: str, rows: int, columns: int) -> np.ndarray:
        shape = (rows, columns) if columns else (rows,)
        values = generator.standard_normal(shape) * 10.0 ** generator.integers(-12, 12)
        values[generator.random(shape) < 0.2] = np.nan
        values[generator.random(shape) < 0.02] = np.inf
        return values

    return fill


@cache
def loud() -> tuple[Training, ...]:
    """Trainings on which many rules speak."""
    events = [
        Event("non-finite", 3, "net.2", {"what": "output", "value": "nan", "operation": "log"}),
        Event("non-finite", 3, None, {"what": "loss", "value": "nan"}),
        Event("clipped-while-scaled", 0, None),
    ]
    return (
        *(training(noise(seed), events=events if seed % 2 else ()) for seed in range(12)),
        training(constant(0.0)),
        training(constant(1.0), events=events),
        training(constant(1e6)),
        training(constant(float("nan")), events=events),
        training(constant(float("inf"))),
        *(training(noise(seed), kind=kind) for seed, kind in enumerate(
            ("regression", "gan", "autoencoder", "vae", "binary-classification", "language", "segmentation"))),
    )  # fmt: skip


def said(rule: Rule, recorded: Training) -> list[Finding]:
    """What the judge would hear: nothing from a rule whose needs were not recorded."""
    if _unable(rule, recorded, Settings()) is not None:
        return []
    with np.errstate(all="ignore"):
        return list(rule(recorded))


# The laws


def check_documentation_has_all_sections_in_order(rule: Rule) -> None:
    positions = [rule.documentation.find(section) for section in SECTIONS]
    assert -1 not in positions and positions == sorted(positions)
    assert rule.title.endswith(".") and len(rule.title) <= 90
    bodies = re.split("|".join(SECTIONS), rule.documentation)
    assert all(body.strip() for body in bodies)


def check_thresholds_are_explained_numbers(rule: Rule) -> None:
    parameters = inspect.signature(rule.check).parameters.values()
    assert next(p.kind for p in parameters) is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in list(parameters)[1:])


def check_name_family_file_and_function_agree(rule: Rule) -> None:
    module = rule.check.__module__.split(".")
    assert rule.name in CATALOGUE
    assert rule.name == module[-1].replace("_", "-") == rule.check.__name__.replace("_", "-")
    assert rule.family == module[-2] and not rule.name.startswith(CURES)


def check_needs_are_known(rule: Rule) -> None:
    assert set(rule.needs) <= QUANTITIES | PARTS


def check_symptoms_are_rules(rule: Rule) -> None:
    assert set(rule.symptoms) <= CATALOGUE - {rule.name} and len(set(rule.symptoms)) == len(rule.symptoms)


def check_is_silent_on_the_empty_training(rule: Rule) -> None:
    assert list(rule(Training())) == []


def check_is_silent_on_one_step(rule: Rule) -> None:
    assert said(rule, training(healthy, steps=1)) == []


def check_is_silent_on_a_healthy_training(rule: Rule) -> None:
    assert said(rule, training(healthy)) == []


def check_is_silent_without_its_quantities(rule: Rule) -> None:
    for recorded in (training(noise(1)), training(constant(1.0))):
        for need in set(rule.needs) & QUANTITIES:
            left = {key: value for key, value in recorded._series.items() if key[0] != need}
            bare = copy.copy(recorded)
            Training.__init__(bare, **(_arguments(recorded) | {"series": left}))  # type: ignore[arg-type]
            list(rule(bare))
            assert said(rule, bare) == []


def _arguments(recorded: Training) -> dict[str, object]:
    names = [n for n in inspect.signature(Training.__init__).parameters if n not in ("self", "series")]
    return {name: getattr(recorded, name) for name in names}


def check_survives_anything_without_a_warning(rule: Rule) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for recorded in loud():
            said(rule, recorded)
            holes = {key: s for i, (key, s) in enumerate(recorded._series.items()) if i % 3}
            said(rule, Training(**(_arguments(recorded) | {"series": holes})))  # type: ignore[arg-type]
            bare = {"layers": (), "parameters": (), "edges": (), "optimizers": (), "epochs": (), "facts": {}}
            said(rule, Training(**(_arguments(recorded) | bare | {"series": recorded._series})))  # type: ignore[arg-type]
            said(rule, training(noise(3), steps=3))


def check_is_deterministic_and_changes_nothing(rule: Rule) -> None:
    for recorded in loud():
        before = {key: (s.steps.copy(), s.values.copy()) for key, s in recorded._series.items()}
        assert repr(said(rule, recorded)) == repr(said(rule, recorded))
        for key, (steps, values) in before.items():
            assert np.array_equal(steps, recorded._series[key].steps)
            assert np.array_equal(values, recorded._series[key].values, equal_nan=True)


def check_findings_are_well_formed(rule: Rule) -> None:
    for recorded in loud():
        for finding in said(rule, recorded):
            assert finding.evidence and all(evidence.holds() for evidence in finding.evidence)
            assert "\n" not in finding.message and not finding.message.endswith(".") and finding.message
            assert re.search(r"\d|nan|inf", finding.message), finding.message
            assert finding.places and all(isinstance(place, str) and place for place in finding.places)
            assert finding.severity in SEVERITIES and 0 < finding.confidence <= 1
            assert finding.steps is None or 0 <= finding.steps[0] <= finding.steps[1]
            assert finding.fix is None or (finding.fix.text and not finding.fix.text.endswith("."))
            assert (finding.rule, finding.family, finding.rank, finding.symptom_of) == ("", "", 0, ())


def check_renamed_modules_change_only_the_names(rule: Rule) -> None:
    for seed in range(6):
        plain, renamed = training(noise(seed)), training(noise(seed), prefix="module.")
        one, two = said(rule, plain), said(rule, renamed)
        assert [(f.severity, f.steps, f.confidence) for f in one] == [(f.severity, f.steps, f.confidence) for f in two]
        assert [f.message for f in one] == [f.message.replace("module.", "") for f in two]


def check_a_loss_of_another_scale_changes_nothing(rule: Rule) -> None:
    """A hand-written loss may be in any unit: doubled with all its gradients, it is the same training."""
    custom = replace(SITE, function="custom", arguments={}, input_shape=None, target_shape=None, input_dtype=None)
    doubled = {"loss", "training_loss", "gradient_norm", "output_gradient_norm", "clip_norm", "clip_limit"}
    for fill in (*map(noise, range(6)), constant(1.0), healthy):
        plain = training(fill, losses=[custom], evaluations=(), kind="unknown")
        series = {key: replace(s, values=s.values * 2) if key[0] in doubled else s for key, s in plain._series.items()}
        scaled = Training(**(_arguments(plain) | {"series": series}))  # type: ignore[arg-type]
        one, two = said(rule, plain), said(rule, scaled)
        assert [(f.severity, f.places, f.steps) for f in one] == [(f.severity, f.places, f.steps) for f in two]


def check_is_quick_on_a_long_run(rule: Rule) -> None:
    recorded = training(healthy, steps=10_000, snapshots=1_000)
    list(rule(recorded))
    took = []
    for _ in range(5):
        begin = time.process_time()
        list(rule(recorded))
        took.append(time.process_time() - begin)
    assert min(took) < 0.02  # 10 ms, doubled for a busy machine


CHECKS: dict[str, Callable[[Rule], None]] = {n: f for n, f in list(globals().items()) if n.startswith("check_")}


def cases() -> Iterator[object]:
    for rule in all_rules().values():
        for name, check in CHECKS.items():
            yield pytest.param(rule, check, id=f"{rule.name}-{name.removeprefix('check_')}")


@pytest.mark.parametrize(("rule", "check"), list(cases()))
def test_rule(rule: Rule, check: Callable[[Rule], None]) -> None:
    check(rule)


def test_the_trainings_make_rules_speak() -> None:
    """Laws about findings would be empty if nobody spoke."""
    speaking = {rule.name for rule in all_rules().values() if any(said(rule, recorded) for recorded in loud())}
    assert len(speaking) >= len(all_rules()) / 3, sorted(set(all_rules()) - speaking)


def test_the_quantities_known_here_are_those_that_the_probes_declare() -> None:
    """A rule may need only what something records: a probe, the recorder's own counts and gradients of outputs, or what the
    reader finds when it compares ranks."""
    declared = {quantity for probe in all_probes().values() for quantity in probe.quantities}
    without_probe = {
        "training_loss", "gradient_present", "layer_training", "output_gradient_norm",
    }  # fmt: skip
    assert declared <= QUANTITIES
    between_ranks = {name for name, _ in SPREADS.values()} | {"rank_lag"}
    assert declared | without_probe | between_ranks | set(PER_STEP) == QUANTITIES
