"""What the network looks at on the page: maps beside inputs, failed ones told as failed, everything escaped, open to all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from browsing import NEEDS_CHROMIUM, barriers
from pages import diagnosis as judged
from pages import run, training

from diagnose.explanation import Check, ExplainedInput, ExplainedSample, Explanation, Intervention, LayerShare, Method
from diagnose.report import attribution, html
from diagnose.report.page.pictures import picture_of_map, size_of
from diagnose.run import Training

EVIL = "<img src=x onerror=document.title='hacked'>\"'</script><script>document.title='hacked'</script>"
SOUND = (Check("completeness", 0.001, "below", 0.05), Check("deletion", 0.4, "above", 0.0))
UNSOUND = (Check("deletion", -0.4, "above", 0.0),)
GENERATOR = np.random.default_rng(0)
IMAGE, TABLE = GENERATOR.standard_normal((1, 28, 28)), GENERATOR.standard_normal(30)
INPUTS = (
    ExplainedInput("net:0", "image", (1, 28, 28), "float32", "the background, 0 everywhere"),
    ExplainedInput("net:1", "tabular", (30,), "float32", "the mean", tuple(f"feature {i}" for i in range(30))),
)
BOTH = {"net:0": IMAGE, "net:1": TABLE}


def explanation(**change: object) -> Explanation:
    sample = ExplainedSample(
        "worst", 7, "3", "5", "output 5, the predicted class", 1.5, 2.5, BOTH, {"integrated-gradients": BOTH, "occlusion": BOTH},
        {"integrated-gradients": SOUND, "occlusion": UNSOUND},
    )  # fmt: skip
    given: dict[str, object] = {
        "method": "integrated-gradients", "why": "differentiable", "task": "classification", "data": "99 samples", "inputs": INPUTS,
        "methods": (Method("integrated-gradients", "differentiable", "zero", trust=SOUND),
                    Method("occlusion", "a second opinion", trust=UNSOUND),
                    Method("grad-cam", "maps", refused="several inputs share one map", instead="integrated-gradients")),
        "samples": (sample, replace(sample, role="best", number=8)), "global_importance": {k: np.abs(v) for k, v in BOTH.items()},
        "layers": (LayerShare("net.0", 0.98, 16, 3),), "loss": 0.3, "accuracy": 0.9, "chance": 2.3, "chance_accuracy": 0.1,
        "interventions": (Intervention("shuffled", "net:0[0:7,0:7]", 1.5, 0.4, 0.8, 0.01, 0.0625, 0.3, {"border": True}),),
    } | change  # fmt: skip
    return Explanation("net", **given)  # type: ignore[arg-type]


def explained(*explanations: Explanation, **changes: object) -> Training:
    one = training(**changes)  # type: ignore[arg-type]
    one.explanations = explanations
    return one


def page(*explanations: Explanation) -> str:
    return html.render(judged(run(explained(*explanations))))


def test_input_and_map_stand_side_by_side_and_a_failed_map_says_so() -> None:
    told = page(explanation())
    for said in ("the background, 0 everywhere", "not to be believed, failed: deletion", "refused: several inputs share one map",
                 "feature 3", "The worst", "The best", "exchanged between samples", "3 of 16"):  # fmt: skip
        assert said in told, said
    assert told.count('src="data:image/png;base64,') == 2 * 3 + 1 + 1  # input and two maps of each sample, overall, scale
    assert "2 samples of the data" in told and "no sample of the data" not in told
    assert len(told) < 2_500_000


@pytest.mark.parametrize(("time", "shape"), [(0, (36, 2)), (1, (2, 36))])
def test_time_runs_to_the_right(time: int, shape: tuple[int, int]) -> None:
    values = GENERATOR.standard_normal(shape)
    series = ExplainedInput("net:0", "series", shape, "float32", "the mean", time=time)
    samples = tuple(replace(one, inputs={"net:0": values}, maps={"occlusion": {"net:0": values}}) for one in explanation().samples)
    told = page(explanation(inputs=(series,), samples=samples, global_importance={"net:0": np.abs(values)}))
    assert "time 0 to 35 to the right, channels 0 to 1 from the top" in told
    lying = values if time else values.T
    assert told.count(picture_of_map(lying)) == 2 and picture_of_map(lying.T) not in told


def test_what_matters_overall_fails_with_its_method() -> None:
    sound = page(explanation(samples=()))
    failed = page(explanation(samples=(), methods=(Method("integrated-gradients", "differentiable", trust=UNSOUND),)))
    assert "not to be believed" not in sound
    assert failed.count("not to be believed, failed: deletion") == 2  # the picture and the bars


def test_padding_is_named_beside_its_symbol() -> None:
    text = ExplainedInput("net:0", "tokens", (3,), "int64", "the mean embedded symbol", padding=0)
    seen, values = np.array([7.0, 4.0, 0.0]), np.array([0.5, 0.2, 0.1])
    samples = tuple(replace(one, inputs={"net:0": seen}, maps={"occlusion": {"net:0": values}}) for one in explanation().samples)
    told = page(explanation(inputs=(text,), samples=samples, global_importance={}))
    assert told.count("<td>0, padding</td>") == 2 and "<td>7</td>" in told


def test_without_samples_and_without_an_explanation() -> None:
    kept_out = tuple(replace(sample, inputs={}) for sample in explanation().samples)
    assert "no sample of the data" in page(explanation(samples=kept_out))
    assert "diagnose run --explain" in page()
    assert "is not explained: it cannot be copied" in page(Explanation("net", refused="it cannot be copied"))


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (3, 32, 32), (32, 32, 3), (500,), (400, 300), (2, 40), (5, 9, 9), (2, 3, 4, 5)])
def test_every_shape_is_drawn_small(shape: tuple[int, ...]) -> None:
    values = GENERATOR.standard_normal(shape)
    assert max(size_of(values)) <= 128 and picture_of_map(values).startswith("data:image/png;base64,")
    assert picture_of_map(np.zeros(shape)).startswith("data:")


def test_as_json_it_is_strict_and_whole() -> None:
    import json

    told = json.loads(attribution.render([(explanation(), ())]))
    assert np.shape(told["global_importance"]["net:1"]) == (30,) and np.shape(told["global_importance"]["net:0"]) == (1, 28, 28)
    assert told["trust"]["completeness"] == {"value": 0.001, "comparison": "below", "limit": 0.05, "passed": True}
    assert told["methods"][2]["instead"] == "integrated-gradients" and told["others"] == []
    alone = json.loads(attribution.render([(explanation(inputs=INPUTS[1:], global_importance={"net:1": np.abs(TABLE)}), ())]))
    assert np.shape(alone["global_importance"]) == (30,)


@NEEDS_CHROMIUM
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_sticks_out_and_every_picture_has_words(opened, tmp_path, width) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(explanation()), encoding="utf-8")
    shown = opened(file, width=width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    loaded = "all => all.every(one => one.complete && one.naturalWidth > 0 && one.alt.length > 3)"
    assert shown.locator("#main img").evaluate_all(loaded)
    assert barriers(shown) == []


@NEEDS_CHROMIUM
def test_names_of_the_program_are_never_run(opened, tmp_path) -> None:
    image = ExplainedInput("net:0", "image", (1, 28, 28), "float32", EVIL)
    inputs = (image, ExplainedInput("net:1", "tabular", (30,), EVIL, EVIL, (EVIL,) * 30))
    samples = tuple(replace(s, target=EVIL, predicted=EVIL, explained=EVIL) for s in explanation().samples)
    evil = explanation(inputs=inputs, samples=samples, data=EVIL, notes=(EVIL,), why=EVIL)
    file = tmp_path / "evil.html"
    file.write_text(page(evil, Explanation(EVIL, refused=EVIL)), encoding="utf-8")
    shown = opened(file)
    assert "hacked" not in shown.title() and shown.locator("img[src=x]").count() == 0
