"""mode-collapse: the spread of generated samples against that of real ones."""

import numpy as np
import pytest
from hand_built import found, layer, line, training

from diagnose.run import InputSite

RULE = "mode-collapse"
LAYERS = [
    layer("G.out", "linear", "Linear", shape=(32, 64), network="G"),
    layer("G.tanh", "activation", "Tanh", activation="tanh", shape=(32, 64), network="G"),
    layer("D.out", "linear", "Linear", shape=(32, 1), network="D"),
]
INPUTS = [InputSite("G:0", "G", (32, 16), "float32"), InputSite("D:0", "D", (32, 64), "float32")]


def judged(fake, real=0.5, **change):
    numbers = {("batch_std", "G.tanh"): fake, ("input_batch_std", "D:0"): real}
    given = {"kind": "gan", "layers": LAYERS, "networks": ["G", "D"]} | change
    recorded = training((), numbers, **given)
    recorded.inputs = tuple(INPUTS)
    return found(RULE, recorded)


def test_a_generator_that_repeats_itself_is_an_error() -> None:
    (finding,) = judged(line(0.4, 0.02, 40))
    assert finding.severity == "error" and finding.places == ("G.tanh",) and "real ones by 0.5" in finding.message


@pytest.mark.parametrize(("end", "speaks"), [(0.5, False), (0.16, False), (0.14, True)])
def test_three_tenths_of_the_real_spread_are_the_limit(end, speaks) -> None:
    assert bool(judged(np.full(40, end))) is speaks


def test_a_generator_begins_uniform() -> None:
    assert not judged(np.r_[np.full(20, 0.01), np.full(20, 0.45)])


def test_the_real_ones_are_the_wider_of_what_the_discriminator_sees() -> None:
    assert judged(np.full(40, 0.05), np.tile([0.5, 0.05], 20))


def test_silent_with_few_snapshots_and_without_a_pair() -> None:
    assert not judged(np.full(5, 0.02))
    assert not judged(np.full(40, 0.02), layers=LAYERS[2:])
