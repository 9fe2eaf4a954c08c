"""latent-collapse: the standard deviations of the code's units over the data."""

from dataclasses import replace

import numpy as np
import pytest
from hand_built import found, layer, line, site, training

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


def test_a_code_seen_only_early_tells_the_end_where_the_loss_stood_still_since() -> None:
    seen = np.r_[np.full((4, 4), 0.3), np.full((10, 4), 0.001), np.full((26, 4), np.nan)]  # to step 132 of 400
    alike = np.r_[np.full(14, 0.05), np.full(26, np.nan)]
    for loss, speaks in ((np.r_[line(1, 0.1, 50), np.full(350, 0.1)], True), (line(1, 0.1), False)):
        numbers = {("unit_std", la.path): seen for la in LAYERS} | {
            "loss_input_std_across": alike,
            "loss_target_std_across": 1.0,
        }
        given = training(site("mse_loss", "addmm"), numbers | {"loss": loss}, kind="vae", layers=LAYERS, edges=EDGES)
        assert bool(found(RULE, given)) is speaks


CUT = [*LAYERS[:3], replace(LAYERS[3], input_shape=(32, 4))]
DRAWN = [  # by Normal.sample(), and by torch.normal, whose gradient is zero
    [*EDGES[:2], Edge("input", "net.dec")],
    [*EDGES[:2], Edge("net.mu", "net.dec", ("normal",)), Edge("net.logvar", "net.dec", ("exp", "normal"))],
]


@pytest.mark.parametrize("edges", DRAWN)
def test_a_code_drawn_without_a_gradient_is_told_so(edges) -> None:
    (finding,) = judged(units(0.001, 0.002, 0.001, 0.003), layers=CUT, edges=edges)
    assert finding.places == ("net.mu", "net.logvar") and "no gradient comes back" in finding.message
    assert finding.fix is not None and "rsample" in finding.fix.text
    assert not judged(units(0.001, 0.5, 0.001, 0.003), layers=CUT, edges=edges)  # the encoder was trained elsewhere


def test_a_code_drawn_with_a_gradient_is_not_said_to_be_cut() -> None:
    (finding,) = judged(units(0.001, 0.002, 0.001, 0.003), layers=CUT)
    assert finding.places == ("net.mu",) and "no gradient" not in finding.message


@pytest.mark.parametrize(("noise", "speaks"), [(1.0, True), (0.02, False)])
def test_a_code_that_drowns_in_its_noise_though_the_decoder_is_told_something_else(noise, speaks) -> None:
    """Answers that differ by what the decoder is told besides are no sign of a code; one as small as its noise may be read."""
    layers = [*LAYERS, layer("net.logvar/exp", "activation", "exp", shape=(32, 4), activation="exp")]
    edges = [*EDGES[:3], Edge("net.logvar", "net.logvar/exp"), Edge("net.logvar/exp", "net.dec", ("mul", "add"))]
    numbers = {("unit_std", la.path): units(0.003, 0.004, 0.001, 0.001) for la in layers}
    numbers |= {"loss_input_std_across": 0.9, "loss_target_std_across": 1.0, ("output_mean", "net.logvar/exp"): noise}
    given = training(site("mse_loss", "addmm"), numbers, kind="vae", layers=layers, edges=edges)
    assert bool(found(RULE, given)) is speaks
