"""latent-collapse: the standard deviations of the code's units over the data."""

import numpy as np
import pytest
from hand_built import found, layer, site, training

from diagnose.run import Edge

RULE = "latent-collapse"
LAYERS = [
    layer("net.enc", "linear", "Linear", shape=(32, 64)),
    layer("net.mu", "linear", "Linear", shape=(32, 4)),
    layer("net.logvar", "linear", "Linear", shape=(32, 4)),
    layer("net.dec", "linear", "Linear", shape=(32, 64)),
]
EDGES = [
    Edge("net.enc", "net.mu"), Edge("net.enc", "net.logvar"), Edge("net.mu", "net.dec", ("add",)),
    Edge("net.logvar", "net.dec", ("mul", "exp", "mul", "add")),
]  # fmt: skip


def units(*end, start=1.0):
    return np.r_[np.tile([start] * len(end), (10, 1)), np.tile(end, (30, 1))]


def judged(mu, alike=0.05, kind="vae", layers=LAYERS, edges=EDGES):
    numbers = {("unit_std", la.path): mu for la in layers}
    numbers |= {"loss_input_std_across": alike, "loss_target_std_across": 1.0}
    return found(RULE, training(site("mse_loss", "sigmoid", "addmm"), numbers, kind=kind, layers=layers, edges=edges))


def test_a_posterior_that_is_the_prior_is_an_error_at_the_mean_s_layer() -> None:
    (finding,) = judged(units(0.001, 0.002, 0.001, 0.003))
    assert finding.severity == "error" and finding.places == ("net.mu",) and "all 4 units" in finding.message
    assert finding.fix is not None and "reduction='sum'" in (finding.fix.code or "")


@pytest.mark.parametrize(("largest", "speaks"), [(0.09, True), (0.11, False), (1.0, False)])
def test_one_active_unit_is_a_code(largest, speaks) -> None:
    assert bool(judged(units(0.001, largest, 0.001, 0.001))) is speaks


def test_reconstructions_that_differ_speak_against_it() -> None:
    assert not judged(units(0.001, 0.001, 0.001, 0.001), alike=0.9)


PLAIN = [LAYERS[0], layer("net.code", "linear", "Linear", shape=(32, 4)), LAYERS[3]]


def test_the_narrowest_layer_of_a_plain_autoencoder_is_judged_relative_to_its_start() -> None:
    (finding,) = judged(units(0.01, 0.02), kind="autoencoder", layers=PLAIN, edges=[])
    assert finding.places == ("net.code",)
    assert not judged(units(0.01, 0.02, start=0.02), kind="autoencoder", layers=PLAIN, edges=[])


def test_few_snapshots_say_nothing() -> None:
    assert not judged(np.full((4, 4), 0.001))
