"""Two runs side by side."""

import json
import re

import numpy as np
import pytest
from pages import diagnosis as judged
from pages import finding, run, training

from diagnose.report.comparing.compared import as_json, page, text
from diagnose.report.comparing.comparison import Parting, compare, parting
from diagnose.report.html import read_back
from diagnose.report.page.compare import _pair
from diagnose.report.page.heat import NOT_MEASURED
from diagnose.run import Optimizer, Series


def changed(one, quantity, place, step, value):
    """The training with one value of one series replaced from a step on."""
    old = one.series(quantity, place)
    values = old.values.copy()
    values[old.steps >= step] = value
    one._series[quantity, place] = Series(quantity, place, old.steps, values)
    return one


def test_equal_trainings_part_nowhere():
    assert parting(training(), training()) == Parting(None, None, None)
    assert parting(training(broken=True), training(broken=True)) == Parting(None, None, None)


def test_trainings_part_at_the_first_step_and_layer_that_differ():
    other = changed(training(), "loss", None, 130, 9.0)
    step = int(other.series("output_std", "net.block1.fc").steps[20])
    changed(other, "output_std", "net.block2.fc", step, 3.0)
    changed(other, "output_std", "net.block1.fc", step, 3.0)
    assert parting(training(), other) == Parting(130, "net.block1.fc", step)


def test_what_rounding_makes_is_no_difference():
    other = training()
    old = other.series("loss")
    other._series["loss", None] = Series("loss", None, old.steps, old.values * (1 + 1e-8))
    assert parting(training(), other).step is None


@pytest.fixture
def compared():
    """The learning rate was lowered: one finding went, one came, one stayed."""
    gone, stays = finding("net.block0.fc"), finding("net.block1.fc", rule="dead-units", family="activations")
    new = finding("net.block0.fc", rule="learning-rate-too-low", family="weights")
    after = training(optimizers=[Optimizer(0, "Adam", {"lr": 0.001})])
    changed(after, "loss", None, 0, 0.25)
    return compare(judged(run(training()), gone, stays), judged(run(after), stays, new))


def test_findings_are_told_by_rule(compared):
    assert [f.rule for f in compared.gone] == ["vanishing-gradients"]
    assert [f.rule for f in compared.new] == ["learning-rate-too-low"]
    assert [f.rule for f in compared.still] == ["dead-units"]


def test_changed_settings_are_told_and_unchanged_ones_not(compared):
    assert [(one.name, one.before, one.after) for one in compared.changes] == [("optimizer lr", "0.1", "0.001")]


def test_metrics_of_both_are_told(compared):
    told = {one.name: (one.before, one.after) for one in compared.metrics}
    before, after = told["training loss at the end"]
    assert before == pytest.approx(np.mean(training().series("loss").values[-20:])) and after == 0.25
    assert told["highest accuracy on val"] == (0.9, 0.9)


def test_the_text_says_all_of_it(compared):
    said = text(compared)
    for words in ("findings gone: 1", "learning-rate-too-low", "→ 0.25", "from step 0 on", "optimizer lr: 0.1 → 0.001"):
        assert words in said
    assert max(map(len, said.splitlines())) <= 110


def test_the_json_is_strict(compared):
    def refuse(name):
        raise AssertionError(name)

    told = json.loads(as_json(compared), parse_constant=refuse)
    assert told["findings"]["new"] == ["learning-rate-too-low:0:net.block0.fc"]
    assert told["before"]["schema"] == told["after"]["schema"]


def test_the_page_shows_both_losses_and_runs_no_script_but_ours(compared):
    said = page(compared)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', said)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert 'data-label="before' in said and 'data-label="after' in said
    assert "1 finding gone, 1 new, 1 still there" in said


def test_the_json_stands_in_the_page(compared):
    assert read_back(page(compared)) == json.loads(as_json(compared))


def test_both_runs_have_the_same_axes_and_colours():
    """The second run is half as long, and its gradients are a hundred times larger."""
    after = training(steps=200)
    for parameter in after.parameters:
        old = after.series("gradient_norm", parameter.path)
        after._series["gradient_norm", parameter.path] = Series("gradient_norm", "", old.steps, 100 * old.values)
    pair = _pair(training(), after, Parting(7, "net.block1.fc", 11), several=False)
    gradient = next(one for one in pair.heats if one.quantity.id == "gradient")
    before, late = (side.heat for side in gradient.sides)
    assert (before.low, before.high, before.last_step) == (late.low, late.high, late.last_step)
    assert before.high > 50 and (late.indices[:, -20:] == NOT_MEASURED).all()
    assert all(curve.chart.x == pair.curves[0].chart.x for curve in pair.curves)
    assert [side.parting.x for side in gradient.sides] == [round(11 / 400 * 1000, 2)] * 2
    assert gradient.sides[0].parting.place == "net.block1.fc"
    dead = next(one for one in pair.heats if one.quantity.id == "dead")
    assert dead.sides[0].parting.tall == 0  # that layer is not among the activations


def test_two_of_the_largest_runs_fit():
    one = judged(run(training(200, 10_000, 500)), finding("net.block0.fc"))
    assert len(page(compare(one, one)).encode()) < 2_500_000


def test_runs_without_trainings_are_compared_too():
    told = compare(judged(run(state="nothing-observed")), judged(run(training())))
    assert "0 trainings before, 1 after" in text(told) and "<html" in page(told)
    json.loads(as_json(told))


def test_names_stay_text():
    evil = "<img src=x onerror=alert(1)>\x1b[31m"
    one = judged(run(training(prefix=evil), program=evil, arguments=(evil,)), finding(evil, message=evil))
    told = compare(one, judged(run(training())))
    assert "<img" not in page(told) and "\x1b" not in text(told)
