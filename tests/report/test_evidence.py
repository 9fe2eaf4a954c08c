"""Evidence drawn: over the steps, at every layer, or as one value beside its limit."""

import re

import numpy as np
from pages import diagnosis as judged
from pages import finding, run, training

from diagnose.finding import Evidence
from diagnose.report.page.chart import Chart, Limit, Line, Mark, Span
from diagnose.report.page.evidence import Gauge, seen
from diagnose.report.page.findings import MOST_TOLD, cards
from diagnose.report.page.profile import MOST_LAYERS, Profile


def pictures(of, *evidence):
    return [picture for one in seen(finding("net.block0.fc", evidence=evidence), of) for picture in one.pictures]


def test_a_loss_on_other_data_is_drawn_beside_that_of_the_training():
    rise = Evidence("evaluation_loss", "val", (100, 399), 1.8, "above", 1.1, statistic="last passes / best")
    chart, gauge = pictures(training(), rise)
    assert isinstance(chart, Chart) and isinstance(gauge, Gauge)
    assert [label.partition(" (")[0] for _, label in chart.legend] == ["training loss", "evaluation loss at val"]
    assert not [part for part in chart.parts if isinstance(part, Limit)]  # 1.1 is a ratio, not a loss
    assert [part.step for part in chart.parts if isinstance(part, Mark)] == [100]


def test_the_steps_of_the_evidence_are_marked():
    (chart,) = pictures(training(2), Evidence("gradient_norm", "net.block0.fc.weight", (40, 399), 1e-6, "above", 5e-7))
    assert [(part.first, part.last) for part in chart.parts if isinstance(part, Span)] == [(40, 399)]


def test_a_ratio_of_two_quantities_is_drawn_as_one_curve():
    ratio = Evidence("update_norm / weight_norm", "net.block0.fc.weight", (0, 399), 1e-3, "below", 1e-2)
    chart = pictures(training(), ratio)[0]
    (line,) = [part for part in chart.parts if isinstance(part, Line)]
    assert np.allclose(line.values, 1e-3)
    assert [part.value for part in chart.parts if isinstance(part, Limit)] == [1e-2]


def test_every_layer_is_shown_beside_those_that_are_named():
    one = training(12)
    fade = Evidence("gradient_norm", "net.block0.fc", (0, 399), 1e-6, "below", 1e-3, "share", "median")
    gauge, profile = pictures(one, fade)
    assert isinstance(gauge, Gauge) and isinstance(profile, Profile)
    assert [level.place for level in profile.levels] == [f"net.block{n}.fc" for n in range(6)]
    assert [level.ill for level in profile.levels] == [True, False, False, False, False, False]
    values = [level.value for level in profile.levels]
    assert values == sorted(values) and profile.axis.log
    assert profile.limit is None  # a share of another layer's gradient is no gradient
    spread = Evidence("output_std", "net.block0.fc", (0, 399), 1.0, "above", 0.5)
    _, profile = pictures(one, spread)
    assert profile.limit == 0.5 and 0 < profile.limit_share < 1


def test_of_many_layers_some_are_shown_and_the_rest_are_counted():
    one = training(400, 40, 8)
    *_, profile = pictures(one, Evidence("output_std", "net.block77.act", (0, 39), 1.0, "above", 0.5))
    assert len(profile.levels) <= MOST_LAYERS and len(profile.levels) + profile.left_out == 400
    assert [level.place for level in profile.levels if level.ill] == ["net.block0.fc", "net.block77.act"]


def test_a_number_that_is_none_has_words_and_no_gauge():
    broken = Evidence("loss", None, (3, 3), float("nan"), "outside", (-3.4e38, 3.4e38), statistic="first")
    (card,) = cards(judged(run(training()), finding("net.block0.fc", evidence=(broken,))))
    (one,) = card.seen
    assert one.said == "loss: first nan, not a finite number (step 3)"
    assert not [picture for picture in one.pictures if isinstance(picture, Gauge)]
    assert card.verify == ("loss: finite at every step",)


def test_the_same_is_said_once_and_of_much_the_first():
    layers = [Evidence("dead_share", f"net.block{n}.act", None, 1.0, "above", 0.9) for n in range(9)]
    again = [part for one in layers for part in (one, Evidence("loss", None, None, 2.3, "above", 2.0))]
    (card,) = cards(judged(run(training(18)), finding("net.block0.fc", evidence=tuple(again))))
    told = [*(one.said for one in card.seen), *card.told]
    assert len(told) == len(set(told)) and len(card.told) == MOST_TOLD + 1
    assert re.fullmatch(r"and \d more of the kind", card.told[-1])
    assert len(card.verify) == len(set(card.verify)) == MOST_TOLD + 1
