"""The page as a file: what it holds, how large it is, what it may do, and every odd run."""

import base64
import hashlib
import json
import re
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from pages import diagnosis as judged
from pages import finding, run, training

from diagnose.errors import DiagnoseError
from diagnose.finding import BlindSpot, Diagnosis, Evidence
from diagnose.report import html
from diagnose.report import json as as_json
from diagnose.report.page.anatomy import anatomy
from diagnose.report.page.arithmetic import arithmetic
from diagnose.report.page.chart import Line, Span
from diagnose.report.page.cost import cost
from diagnose.report.page.curves import curves
from diagnose.report.page.facts import facts, hyperparameters
from diagnose.report.page.findings import cards
from diagnose.report.page.heat import FIRST, INFINITE, LAST, NOT_MEASURED, ZERO, colour_indices, heats
from diagnose.report.page.scale import Axis, axis_for, reduced, smoothed
from diagnose.run import Layer, Matrix, Run, Series, Training

LARGEST = 2_500_000  # bytes
EVIL = "</script><img src=x onerror=alert(1)>'\"&{{7*7}}"


@pytest.fixture(scope="module")
def page():
    return html.render(judged(run(training()), finding("net.block0.fc")))


def test_the_policy_allows_this_script_and_this_style_only(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    for element, directive in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_nothing_is_loaded_and_no_style_is_written_into_elements(page):
    body = page.partition("</style>")[2].rpartition('<script type="application/json" id="details">')[0]
    assert not re.search(r"<(link|script|iframe|object|embed|img)\b", body)
    assert not re.search(r"\s(style|on\w+)=", body)
    assert not [address for address in re.findall(r'(?:href|src)="([^"]*)"', body)
                if not address.startswith(("#", "data:image/png;base64,", "https://"))]  # fmt: skip
    assert not re.search(r"url\(|@import", page.partition("<style>")[2].partition("</style>")[0])


def test_the_json_stands_in_the_page(page):
    told = judged(run(training()), finding("net.block0.fc"))
    assert html.read_back(page) == json.loads(as_json.render(told))


@pytest.mark.parametrize("text", ["", "<p>hello</p>", html.OPENING + "{nonsense", html.OPENING + "[1]</script>"])
def test_another_page_is_refused(text):
    with pytest.raises(DiagnoseError, match="page that diagnose wrote"):
        html.read_back(text)


def test_the_verdict_and_the_fix_come_first(page):
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.partition("<main")[2]))
    places = [text.index(words) for words in (
        "Something is wrong", "vanishing gradients in net.block0.fc", "Do this first", "replace the sigmoids by ReLU",
        "Findings", "Why it matters", "What was seen", "How to verify", "Pictures", "The network", "Facts",
    )]  # fmt: skip
    assert places == sorted(places)


def test_names_of_the_program_stay_text():
    one = training(prefix=EVIL)
    told = judged(run(one, program=EVIL, arguments=(EVIL,), exception=EVIL), finding(one.layers[0].path, message=EVIL))
    told = replace(told, blind_spots=(BlindSpot(EVIL, EVIL),), suppressed=({"rule": EVIL, "by": EVIL},))
    text = html.render(told)
    assert "<img" not in text and "&lt;img src=x" in text
    assert text.count("</script>") == 3
    assert html.read_back(text)["run"]["program"] == EVIL


def test_symptoms_are_folded_under_their_cause():
    cause = finding("net.block0.fc")
    symptom = finding("net.block1.fc", rule="loss-not-decreasing", family="curves", symptom_of=(cause.id,), rank=2)
    (card,) = cards(judged(run(training()), cause, symptom))
    assert [one.number for one in (card, *card.symptoms)] == ["1", "1.1"]


def test_a_limit_is_drawn_only_where_it_is_of_the_curve_s_kind():
    (card,) = cards(judged(run(training()), finding("net.block0.fc")))
    gradient, loss = (one.pictures for one in card.seen)
    curve = gradient[0].markup()
    assert 'class="limit"' in curve and 'class="chart"' in curve
    curve, gauge = (one.markup() for one in loss)  # a relative fall is no loss
    assert 'class="limit"' not in curve and 'class="gauge"' in gauge


def test_what_to_verify_is_the_opposite_of_what_was_seen():
    (card,) = cards(judged(run(training()), finding("net.block0.fc")))
    assert card.verify[0] == "gradient norm at net.block0.fc.weight: median at least 0.001"


def test_the_largest_run_fits():
    """200 layers over 10,000 steps, the size the page is made for."""
    text = html.render(judged(run(training(200, 10_000, 500)), finding("net.block0.fc")))
    assert len(text.encode()) < LARGEST


def test_ten_thousand_layers_are_drawn_as_far_as_they_fit_and_said_so():
    text = html.render(judged(run(training(10_000, 4, 4)), finding("net.block4999.fc")))
    assert len(text.encode()) < LARGEST
    assert "10,000 layers" in text and "leaves out 8,500 layers" in text
    assert 'data-layer="net.block4999.fc"' in text  # one with a finding is never left out


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (judged(run()), "0 steps"),
        (judged(run(state="nothing-observed")), "Nothing was observed"),
        (judged(run(training(), state="interrupted")), "was interrupted after 41.2 s"),
        (judged(run(training(), state="running")), "still running"),
        (judged(run(training(), state="failed", exception="ValueError: no")), "ended by ValueError: no"),
        (judged(run(training())), "Sound, as far as could be seen"),
        (judged(run(training(steps=1))), "1 step "),
        (judged(run(training(broken=True))), "not a number at 400 steps: a gap in the line"),
        (judged(run(training(broken=True, evaluations=False))), "not a number at every step"),
        (judged(run(training(evaluations=False))), "no evaluation on other data was seen"),
        (judged(run(Training(steps=5))), "Nothing was measured inside of the layers"),
        (judged(run(*(training(id=n, prefix=f"net{n}") for n in range(9)))), "3 more trainings"),
        (judged(Run("", "")), "Nothing is known to have been missed"),
        (judged(run(training()), finding("gone", rule="rule-of-an-older-version", training=7)), "Rule of an older"),
        (Diagnosis(run(training()), (finding("x", evidence=(Evidence("loss", None, None, float("nan"), "above", 1.0),),
         source=None, fix=None, steps=None),), ()), "median nan"),
    ],
    ids=range(15),
)  # fmt: skip
def test_every_run_has_a_page_that_says_what_it_is(told, said):
    text = html.render(told)
    assert said in re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", text))
    assert html.read_back(text)["schema"] == as_json.SCHEMA


def test_a_picture_keeps_a_spike_and_shows_nothing_where_nothing_was_seen():
    steps = np.concatenate([np.arange(5000), [5010]])
    values = np.full(len(steps), 0.1)
    values[2500] = 1e6
    one = training(2, 10_000, 4)
    series = {("gradient_norm", one.parameters[0].path): Series("gradient_norm", "", steps, values)}
    (heat,) = heats(Training(steps=10_000, layers=one.layers, parameters=one.parameters, series=series))
    drawn = _picture(heat.image)
    assert drawn.max() == LAST and (drawn == LAST).sum() == 1
    assert (drawn[0, :240] != NOT_MEASURED).all() and (drawn[0, 245:] == NOT_MEASURED).all()


def test_networks_that_take_turns_have_no_holes_in_their_picture():
    """A discriminator and a generator: each is seen at steps of its own."""
    one = training(4, 100, 4)
    series = {
        ("gradient_norm", parameter.path): Series("gradient_norm", "", np.arange(turn, 100, 2), np.full(50, 1.0 + turn))
        for turn, parameter in enumerate(one.parameters)
    }
    (heat,) = heats(Training(steps=100, layers=one.layers, parameters=one.parameters, series=series))
    assert [set(row) for row in heat.indices] == [{FIRST}, {LAST}] and not heat.missing


def test_steps_at_which_the_loss_is_no_number_are_marked():
    one = training()
    values = one.series("loss").values.copy()
    values[[50, 51, 52, 399]] = np.nan, np.inf, np.nan, np.nan
    one._series["loss", None] = Series("loss", None, np.arange(400), values)
    chart = curves(one)[0].chart
    marked = [(part.first, part.last) for part in chart.parts if isinstance(part, Span) and part.broken]
    assert marked == [(50, 52), (399, 399)]
    assert ("broken", "nan or infinite") in chart.legend and 'class="broken"' in chart.markup()
    (mean,) = [part for part in chart.parts if isinstance(part, Line) and part.label.startswith("training")]
    assert np.flatnonzero(np.isnan(mean.values)).tolist() == [50, 51, 52, 399]  # no mean bridges them


def test_no_time_is_no_picture_of_time():
    told = cost(training(broken=True), run())
    assert "Time by phase" not in [one.title for one in told.pictures]
    assert ("time in training", "not measured") in told.figures and ("energy", "not measured") in told.figures


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Layer("a", "Identity", "reshape"), "unchanged"),
        (Layer("a", "Linear", "linear"), "weighted sum"),
        (Layer("a", "MyOwnConv", "convolution"), "patterns"),
        (Layer("a", "Sigmoid", "activation", "sigmoid"), "between 0 and 1"),
        (Layer("a", "GroupNorm", "normalization"), "groups of channels"),
    ],
)
def test_each_kind_of_layer_is_explained_once(layer, said):
    told = anatomy(Training(layers=[layer, replace(layer, path="b")]), judged(run()))
    ((name, what),) = told.kinds_told
    assert name == f"{layer.type} (2)" and said in what


def test_facts_are_told_in_words():
    one = training(facts={"seed": "12964117800710002353", "threads": 2})
    assert ("seed", "12964117800710002353 (drawn by torch, not set)") in hyperparameters(one)
    assert ("seed", "7") in hyperparameters(training(facts={"seed": "7"}))
    made = replace(run(one), program="-m pkg", facts={"command": ["diagnose", "run", "-m pkg"], "git_commit": "a" * 40})
    told = dict(facts(judged(made)))
    assert told["command"] == "diagnose run -m pkg --lr 0.1" and told["git commit"] == "a" * 40


def test_many_sound_modules_in_a_row_are_folded_and_ill_ones_never():
    one = training(60, 4, 4)
    told = judged(run(one), finding("net.block9.fc"))
    parts = anatomy(one, told).root.groups["net"].parts
    assert parts[0][0].path == "net.block0"
    assert [len(part) for part in parts] == [9, 1, 20]
    assert parts[1][0].health == "error"


def test_zero_infinity_and_what_is_missing_have_colours_of_their_own():
    found = colour_indices(np.array([[np.nan, 0.0, 1e-8, 1.0, np.inf]]), 1e-8, 1.0, True)
    assert found.tolist() == [[NOT_MEASURED, ZERO, FIRST, LAST, INFINITE]]


def test_a_reduced_series_keeps_its_extremes_and_its_gaps():
    values = np.sin(np.arange(50_000) / 300)
    values[[17, 40_000]] = 9.0, np.nan
    steps, kept = reduced(np.arange(50_000), values, 300)
    assert len(steps) <= 900 and (np.diff(steps) > 0).all()
    assert np.nanmax(kept) == 9.0 and np.isnan(kept).sum() == 1


def test_axes_hold_all_values_and_are_logarithmic_for_many_decades():
    wide = axis_for(np.array([1e-9, 1.0, np.nan, np.inf]))
    assert wide.log and wide.low <= 1e-9 and wide.high >= 1.0
    assert not axis_for(np.array([0.0, 1e9])).log
    assert axis_for(np.array([np.nan])) is None
    assert Axis(-0.5, 1.5).ticks(4) == [-0.5, 0.0, 0.5, 1.0, 1.5]


def test_the_mean_line_leaves_gaps_out():
    assert smoothed(np.array([1.0, np.nan, 3.0]), 3).tolist() == [1.0, 2.0, 3.0]


def test_the_update_ratio_is_of_the_same_step():
    from diagnose.report.page.heat import matrix

    found: Matrix = matrix(training(4, 50, 10), "update")
    assert found.places == ("net.block0.fc", "net.block1.fc") and np.allclose(found.values, 1e-3)


def _picture(address: str) -> np.ndarray:
    """The indices of an indexed PNG whose rows have no filter."""
    data = base64.b64decode(address.partition(",")[2])
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT")
    (size,) = struct.unpack(">I", data[start - 4 : start])
    rows = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + size]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


def test_a_notebook_shows_the_diagnosis_as_text_only():
    shown = judged(run(training()), finding("net.block0.fc", message=EVIL))._repr_html_()
    assert "vanishing-gradients" in shown and "nn.ReLU()" in shown
    assert "<img" not in shown and "<script" not in shown


def test_arithmetic_says_whether_it_was_counted_or_estimated():
    one = training(4)
    estimated = arithmetic(one)
    assert estimated.backward is None and "estimated from the shapes of 2 layers, not counted" in estimated.words
    for way, amount in (("forward", 5.24e6), ("backward", 9e6)):
        one._series[f"{way}_flops", None] = Series(f"{way}_flops", None, np.array([0, 1]), np.full(2, amount))
    told = arithmetic(one)
    assert told.estimated == 0 and told.words.startswith("5.24 MFLOP forward and 9 MFLOP backward a step, counted on a step that ran")
    hidden = Training(layers=one.layers, series=one._series, facts={"uncounted_operations": ["checkpoint_function"]})
    assert arithmetic(hidden).words.endswith("without what runs inside checkpoint_function")
    assert arithmetic(Training()) is None
