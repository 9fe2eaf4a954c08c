"""The kind of a training, from hand-built trainings as the recorder would describe them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from diagnose.record.kind import decide_kind
from diagnose.run import Edge, InputSite, Layer, LossSite, Optimizer, Parameter, Series, Training


def made(
    sites: Sequence[LossSite],
    *,
    columns: Mapping[str, Sequence[float]] | None = None,
    statistics: Mapping[tuple[str, str], Sequence[Any]] | None = None,
    **parts: Any,
) -> Training:
    series = {}
    for name, column in (columns or {}).items():
        series[name, None] = Series(name, None, np.arange(len(column)), np.array(column, float))
    for (name, place), entries in (statistics or {}).items():
        series[name, place] = Series(name, place, np.arange(len(entries)), np.array(entries, float))
    return Training(losses=sites, series=series, steps=100, **parts)


def site(
    function: str, inputs: Sequence[int] | None = None, target: Sequence[int] | None = None, **rest: Any
) -> LossSite:
    identity = rest.pop("id", "loss")
    shapes = {"input_shape": inputs and tuple(inputs), "target_shape": target and tuple(target)}
    return LossSite(identity, function, "training", **shapes, **rest)


def targets(
    place: str, low: float, high: float, mean: float, integer: float, std: float = 0.3
) -> dict[tuple[str, str], list[float]]:
    named = {"min": low, "max": high, "mean": mean, "std": std, "integer_share": integer}
    return {(f"loss_target_{name}", place): [value] * 3 for name, value in named.items()}


@pytest.mark.parametrize(
    ("training", "kind"),
    [
        (made([site("cross_entropy", (64, 10), (64,))]), "classification"),
        (made([site("nll_loss", (64, 10), (64,))]), "classification"),
        (made([site("cross_entropy", (64, 2), (64,))]), "binary-classification"),
        (made([site("binary_cross_entropy_with_logits", (64, 1), (64, 1))]), "binary-classification"),
        (made([site("binary_cross_entropy", (64,), (64,))]), "binary-classification"),
        (made([site("binary_cross_entropy_with_logits", (64, 5), (64, 5))],
              statistics=targets("loss", 0, 1, 0.43, 1)), "multi-label"),
        (made([site("binary_cross_entropy_with_logits", (64, 5), (64, 5))],
              statistics=targets("loss", 0, 1, 0.2, 1)), "classification"),
        (made([site("mse_loss", (64, 10), (64, 10))], statistics=targets("loss", 0, 1, 0.1, 1)), "classification"),
        (made([site("mse_loss", (64, 1), (64, 1))], statistics=targets("loss", 0, 1, 0.4, 1)), "binary-classification"),
        (made([site("mse_loss", (64, 1), (64, 1))], statistics=targets("loss", 0, 9, 4.4, 1)), "regression"),
        (made([site("l1_loss", (64, 4), (64, 4))], statistics=targets("loss", -1, 2.5, 0.4, 0.0)), "regression"),
        (made([site("cross_entropy", (8, 21, 32, 32), (8, 32, 32))]), "segmentation"),
        (made([site("binary_cross_entropy_with_logits", (8, 1, 32, 32), (8, 1, 32, 32)), site("custom", id="root")]),
         "segmentation"),
        (made([site("kl_div", (64, 10), (64, 10), operations=("log_softmax", "div", "addmm")),
               site("cross_entropy", (64, 10), (64,), id="hard")]), "distillation"),
        (made([site("triplet_margin_loss", (64, 16), (64, 16))]), "contrastive"),
        (made([site("cross_entropy", (32, 32), (32,))], statistics={("class_count", "loss"): [[1] * 32] * 4}),
         "contrastive"),
        (made([site("cross_entropy", (32, 32), (32,))], statistics={("class_count", "loss"): [[2, 0] + [1] * 30] * 4}),
         "classification"),
        (made([site("custom", id="root")]), "unknown"),
        (made([]), "unknown"),
    ],
)  # fmt: skip
def test_by_the_loss(training: Training, kind: str) -> None:
    found, evidence = decide_kind(training)
    assert found == kind and evidence and "\n" not in evidence


def test_language_is_cross_entropy_over_the_symbols_that_go_in() -> None:
    embedding = Layer("embed", "Embedding", "embedding", settings={"num_embeddings": 65, "embedding_dim": 32})
    assert decide_kind(made([site("cross_entropy", (256, 65), (256,))], layers=[embedding]))[0] == "language"
    assert decide_kind(made([site("cross_entropy", (256, 3), (256,))], layers=[embedding]))[0] == "classification"
    pair = Layer("embed", "Embedding", "embedding", settings={"num_embeddings": 2})
    assert decide_kind(made([site("cross_entropy", (256, 2), (256,))], layers=[pair]))[0] == "binary-classification"


def reconstruction(
    difference: float = 0.0,
    *,
    shape: Sequence[int] = (50, 1, 8, 8),
    edges: Sequence[Edge] = (),
    layers: Sequence[Layer] = (),
) -> Training:
    statistics: dict[tuple[str, str], Sequence[float]] = {}
    for name, values in {
        "mean": [0.3, 0.31, 0.29],
        "std": [0.4, 0.41, 0.4],
        "min": [0.0] * 3,
        "max": [1.0] * 3,
    }.items():
        statistics[f"input_{name}", "net:0"] = values
        statistics[f"loss_target_{name}", "loss"] = [v * (1 + difference) for v in values]
    return made(
        [site("mse_loss", shape, shape)], statistics=statistics, edges=edges, layers=layers,
        inputs=[InputSite("net:0", "net", (50, 64), "float32")],
    )  # fmt: skip


def test_autoencoder_is_a_target_equal_to_the_input() -> None:
    assert decide_kind(reconstruction())[0] == "autoencoder"
    assert decide_kind(reconstruction(difference=0.02))[0] == "regression"
    assert decide_kind(reconstruction(shape=(50, 1, 8, 4)))[0] == "regression"


def test_variational_autoencoder_draws_its_code() -> None:
    drawn = Edge("logvar", "decoder", ("mul", "exp", "mul", "add"))
    assert decide_kind(reconstruction(edges=[drawn]))[0] == "vae"
    layer = Layer("exp", "exp", "activation", "exp", functional=True)
    assert decide_kind(reconstruction(edges=[Edge("exp", "decoder", ("mul", "add"))], layers=[layer]))[0] == "vae"
    into_loss = Edge("logvar", "loss", ("exp", "mul"))
    assert decide_kind(reconstruction(edges=[into_loss]))[0] == "autoencoder"


@pytest.mark.parametrize(("last", "kind"), [
    ([("add", ()), ("mean", ()), ("pow", (50, 64)), ("sub", (50, 64)), ("addmm", (50, 64))], "vae"),
    ([("add", ()), ("mean", ()), ("sum", (50,)), ("abs", (50, 64)), ("sub", (50, 64)), ("sigmoid", (50, 64))], "vae"),
    ([("mean", ()), ("sum", (50,)), ("pow", (50, 64)), ("add", (50, 64)), ("mul", (50, 64))], "unknown"),  # a flow's
    ([("sub", ()), ("mean", ()), ("sum", (50,)), ("pow", (50, 64)), ("sub", (50, 64)), ("cat", (50, 64))], "unknown"),
])  # fmt: skip
def test_a_drawn_code_and_a_hand_written_difference(last: list[tuple[str, tuple[int, ...]]], kind: str) -> None:
    layers = [
        Layer("logvar", "Linear", "linear", shape=(50, 4)), Layer("out", "Linear", "linear", shape=(50, 64), input_shape=(50, 16)),
    ]  # fmt: skip
    drawn = [Edge("logvar", "decoder", ("mul", "exp", "mul", "add"))]
    given = [InputSite("net:0", "net", (50, 64), "float32")]
    training = made([site("custom", id="root", shapes=tuple(last))], layers=layers, edges=drawn, inputs=given)
    assert decide_kind(training)[0] == kind


@pytest.mark.parametrize("loss", [site("custom", id="root"), site("mse_loss", (50, 64), (50, 64))])
def test_a_code_drawn_without_a_gradient_is_a_variational_autoencoder_too(loss: LossSite) -> None:
    layers = [
        Layer(path, "Linear", "linear", shape=(50, out), input_shape=(50, into))
        for path, into, out in (("enc", 64, 16), ("mean", 16, 4), ("spread", 16, 4), ("dec", 4, 16), ("out", 16, 64))
    ]
    shared = [Edge("input", "enc"), Edge("enc", "mean"), Edge("enc", "spread"), Edge("dec", "out")]
    given = [InputSite("net:0", "net", (50, 64), "float32")]
    statistics = reconstruction().everything()

    def kind(*edges: Edge, out: Sequence[Layer] = layers) -> str:
        training = made([loss], layers=out, edges=[*shared, *edges], inputs=given)
        training._series.update(statistics)
        return decide_kind(training)[0]

    zero = Edge("mean", "dec", ("normal",)), Edge("spread", "dec", ("exp", "normal"))
    assert kind(Edge("input", "dec")) == kind(*zero) == "vae"
    plain = "unknown" if loss.function == "custom" else "autoencoder"
    assert kind(Edge("mean", "dec")) == plain
    assert kind(Edge("input", "dec"), Edge("spread", "mean")) == plain  # one behind the other


def adversaries(
    *,
    backwards: Sequence[float] = (1, 1),
    sites: Sequence[LossSite] = (),
    statistics: Any = None,
    edges: Sequence[Edge] = (),
    which: Sequence[float] = (0, 1),
) -> Training:
    parameters = [
        Parameter("D.weight", "D", (1, 4), 4, optimizer=0),
        Parameter("G.weight", "G", (4, 2), 8, optimizer=1),
    ]
    return made(
        sites, columns={"optimizer": list(which) * 50, "backwards": list(backwards) * 50, "loss": [0.7] * 100},
        statistics=statistics, edges=edges, parameters=parameters,
        optimizers=[Optimizer(0, "Adam"), Optimizer(1, "Adam")],
    )  # fmt: skip


def constant(place: str, value: float) -> dict[tuple[str, str], list[float]]:
    return targets(place, value, value, value, 1, 0)


def test_gan_by_constant_targets_or_by_one_network_feeding_the_other() -> None:
    bce = [site("binary_cross_entropy", (64, 1), (64, 1), id=name) for name in ("real", "fake", "g")]
    named = {**constant("real", 1), **constant("fake", 0), **constant("g", 1)}
    assert decide_kind(adversaries(sites=bce, statistics=named))[0] == "gan"
    squares = [site("mse_loss", (64, 1), (64, 1), id=name) for name in ("real", "fake", "g")]
    assert decide_kind(adversaries(sites=squares, statistics=named))[0] == "gan"
    feeds = [Edge("G", "D", ("tanh",))]
    assert decide_kind(adversaries(sites=[site("custom", id="root")], edges=feeds))[0] == "gan"
    assert decide_kind(adversaries(sites=[site("custom", id="root")]))[0] == "unknown"


def test_joint_training_and_actor_with_critic_are_no_gan() -> None:
    joint = adversaries(backwards=(1, 0), sites=[site("cross_entropy", (64, 10), (64,))], edges=[Edge("G", "D")])
    assert decide_kind(joint)[0] == "classification"
    critic = [site("mse_loss", (64, 1), (64, 1)), site("custom", id="actor")]
    moving = targets("loss", -3, 2.2, 0.1, 0.0)
    assert decide_kind(adversaries(sites=critic, statistics=moving, edges=[Edge("G", "D")]))[0] != "gan"
    bce = [site("binary_cross_entropy", (64, 1), (64, 1), id=name) for name in ("a", "b")]
    mixed = {**targets("a", 0, 1, 0.5, 1), **targets("b", 0, 1, 0.5, 1)}
    assert decide_kind(adversaries(sites=bce, statistics=mixed))[0] == "binary-classification"


def valued(outputs: int, operation: str = "addmm", batch: int = 64, **change: Any) -> Training:
    layer = Layer("q.2", "Linear", "linear", shape=(batch, outputs), settings={"out_features": outputs})
    return made(
        [site("smooth_l1_loss", (64,), (64,), layer="q.2", operations=(operation, "relu"))], layers=[layer], **change
    )


def test_q_learning_picks_one_output_a_sample() -> None:
    assert decide_kind(valued(4))[0] == "reinforcement"
    assert decide_kind(valued(1))[0] == "regression"
    assert decide_kind(valued(4, "mean"))[0] == "regression"
    assert decide_kind(valued(4, batch=16))[0] == "regression"  # all outputs, in one row
    assert decide_kind(valued(4, facts={"data": {"loader": {"class": "DataLoader"}}}))[0] == "regression"


def test_policy_gradients_weigh_log_probabilities() -> None:
    noise = np.random.default_rng(0).normal(size=200)
    root = site("custom", id="root")
    policy = [Edge("policy", "root", ("log_softmax", "gather", "mul", "mean", "neg"))]
    assert decide_kind(made([root], edges=policy, columns={"loss": noise}))[0] == "reinforcement"
    assert decide_kind(made([root], edges=policy, columns={"loss": noise + 9}))[0] == "unknown"
    plain = [Edge("policy", "root", ("log_softmax", "gather", "mean", "neg"))]
    assert decide_kind(made([root], edges=plain, columns={"loss": noise}))[0] == "unknown"


@pytest.mark.parametrize(
    ("rest", "kind"), [(-0.05, "reinforcement"), (0.05, "regression"), (0.0, "regression"), (1e-8, "regression")]
)
def test_a_critic_beside_a_signed_rest(rest: float, kind: str) -> None:
    part = np.abs(np.random.default_rng(0).normal(size=200)) + 1
    critic = site("smooth_l1_loss", (16, 64), (16, 64), weight=0.5)
    total = 0.5 * part + rest * np.random.default_rng(1).uniform(0.2, 2, size=200)
    training = made([critic], columns={"loss": total}, statistics={("training_loss", "loss"): list(part)})
    assert decide_kind(training)[0] == kind


def test_siamese_networks_compare_two_calls_of_one() -> None:
    calls = {("output_mean", "enc"): [0.0], ("output_mean", "enc#2"): [0.0]}
    root = site("custom", id="root")
    edges = [Edge("enc", "root", ("sub", "linalg_vector_norm", "pow", "mul", "mean"))]
    assert decide_kind(made([root], edges=edges, statistics=calls))[0] == "contrastive"
    assert decide_kind(made([root], edges=edges))[0] == "unknown"


def test_a_code_of_symbols_is_drawn_too() -> None:
    symbols = [site("cross_entropy", (800, 12), (800,))]
    given = [InputSite("net:0", "net", (100, 8), "int64")]
    drawn = [Edge("net.logvar", "net.decoder", ("div", "exp", "mul", "add", "cat"))]
    told = targets("loss", 1, 11, 5.5, 1)
    same = told | {(name.replace("loss_target", "input"), "net:0"): values for (name, _), values in told.items()}
    assert decide_kind(made(symbols, inputs=given, edges=drawn, statistics=same))[0] == "vae"
    assert decide_kind(made(symbols, inputs=given, statistics=same))[0] == "classification"
