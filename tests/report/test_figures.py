"""The page's pictures as files."""

import io
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from pages import diagnosis as judged
from pages import finding, run, training
from PIL import Image

from diagnose.finding import Evidence
from diagnose.report.figures import figures
from diagnose.run import Run, Training

EVIL = "$\\frac{</text>$_^{层"


@pytest.fixture(scope="module")
def drawn():
    told = judged(run(training()), finding("net.block0.fc"))
    return figures(told, "svg")


def words(svg: bytes) -> str:
    return " ".join(ElementTree.fromstring(svg).itertext())


def test_every_picture_of_the_page_is_a_file(drawn):
    assert set(drawn) == {
        "finding-1-vanishing-gradients.svg", "loss.svg", "accuracy.svg", "learning-rate.svg", "time-by-phase.svg",
        "memory.svg", "gradient.svg", "update.svg", "dead.svg", "spread.svg", "weight.svg",
    }  # fmt: skip


def test_a_figure_says_what_it_shows(drawn):
    told = words(drawn["finding-1-vanishing-gradients.svg"])
    assert "vanishing gradients in net.block0.fc" in told and "limit 0.001" in told and "step 40" in told
    assert "net.block2.fc" in words(drawn["gradient.svg"]) and "logarithmic" in words(drawn["gradient.svg"])
    assert "training (mean of 8)" in words(drawn["loss.svg"]) and "± noise of val" in words(drawn["loss.svg"])


def test_a_png_shows_what_was_measured():
    """The first layer's gradient is the smallest: its row is the darkest, as on the page."""
    picture = Image.open(io.BytesIO(figures(judged(run(training())), "png")["gradient.png"])).convert("L")
    grey = np.asarray(picture)
    height, width = grey.shape
    assert width == 1200
    column = grey[:, int(width * 0.6)].astype(int)
    rows = [int(height * share) for share in np.linspace(0.2, 0.6, 200)]
    dark = [column[row] for row in rows if column[row] < 250]
    assert dark[0] < 90 and dark[-1] > 150


def test_the_same_run_gives_the_same_files(drawn):
    assert figures(judged(run(training()), finding("net.block0.fc")), "svg") == drawn


def test_names_of_the_program_are_neither_mathematics_nor_markup():
    one = training(prefix=EVIL)
    told = judged(run(one, program=EVIL), finding(one.layers[0].path, message=EVIL))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = figures(told, "svg")
        assert figures(told, "png")
    assert EVIL in words(made["gradient.svg"])


@pytest.mark.parametrize(
    "told",
    [
        judged(run()),
        judged(Run("", "")),
        judged(run(Training(steps=5))),
        judged(run(training(steps=1))),
        judged(run(training(broken=True))),
        judged(run(training(evaluations=False), state="interrupted")),
        judged(run(training()), finding("gone", rule="rule/of\\an:older version", training=7)),
        judged(run(training()), finding("x", evidence=(Evidence("loss", None, None, float("nan"), "above", 1.0),))),
        judged(run(training(10_000, 4, 4))),
    ],
    ids=range(9),
)
def test_no_run_is_without_an_answer(told):
    made = figures(told, "png")
    assert all(name == name.lower() and "/" not in name for name in made)
    assert all(Image.open(io.BytesIO(data)).size[1] < 2500 for data in made.values())


def test_several_trainings_have_names_of_their_own():
    made = figures(judged(run(training(id=0), training(id=3, prefix="other"))), "svg")
    assert {"training-0-loss.svg", "training-3-loss.svg"} <= set(made)
    assert "training 3: other" in words(made["training-3-loss.svg"])


def test_the_program_s_own_matplotlib_stays_as_it_was():
    code = (
        "import matplotlib, sys; matplotlib.use('svg'); matplotlib.rcParams['lines.linewidth'] = 9.0\n"
        "before = dict(matplotlib.rcParams)\n"
        "sys.path.insert(0, 'tests/report')\n"
        "from pages import *\n"
        "from diagnose.report.figures import figures\n"
        "assert figures(diagnosis(run(training())), 'svg')\n"
        "assert dict(matplotlib.rcParams) == before and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
