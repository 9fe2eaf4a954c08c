import numpy as np
import pytest
from curve import along, noisy, training
from made import SITE, findings, replace

RULE = "loss-spikes"
GOOD = 0.3 * np.exp(-2 * along()) + 0.1


def spiky(*steps: int, height: float = 1.0, after: float = 1.0) -> np.ndarray:
    """A loss with spikes, and `after` times as high in the ten steps behind each."""
    loss = noisy(GOOD)
    for step in steps:
        loss[step + 1 : step + 11] *= after
    loss[list(steps)] = height
    return loss


@pytest.mark.parametrize(
    ("height", "after", "severity"),
    [(0.3, 1.0, None), (1.0, 2.0, "warning"), (1.0, 1.2, "note"), (1.0, 1.0, "note"), (0.6, 2.0, "note")],
)
def test_speaks_of_rare_high_steps(height: float, after: float, severity: str | None) -> None:
    """A spike that is gone with its batch is worth knowing; one that throws the training off is a warning."""
    found = findings(RULE, training(spiky(700, 800, 900, height=height, after=after)))
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_counts_and_places_them() -> None:
    (finding,) = findings(RULE, training(spiky(300, 500, 777)))
    assert finding.message.startswith("3 spikes") and finding.steps == (300, 777)


def test_two_are_chance_and_many_are_noise() -> None:
    assert not findings(RULE, training(spiky(300, 500)))
    assert not findings(RULE, training(spiky(*range(200, 1000, 20))))


def test_the_warm_up_is_skipped() -> None:
    assert not findings(RULE, training(spiky(10, 20, 30, 40)))


def test_the_short_last_batch_of_an_epoch_may_be_high() -> None:
    last = [200, 400, 600, 800]
    samples = np.full(1000, 32.0)
    assert findings(RULE, training(spiky(*last), given={("samples", None): samples}))
    samples[last] = 3
    assert not findings(RULE, training(spiky(*last), given={("samples", None): samples}))


def test_a_batch_that_is_short_in_one_epoch_is_short_in_all() -> None:
    """Where the budget is spent, samples are counted at snapshots alone."""
    last = [199, 399, 599, 799, 999]
    samples = np.full(1000, 32.0)
    samples[last] = 1
    samples[300:] = np.nan
    assert not findings(RULE, training(spiky(*last), given={("samples", None): samples}, epochs=5))
    assert findings(RULE, training(spiky(*[step - 50 for step in last]), given={("samples", None): samples}, epochs=5))


def test_says_when_they_stand_at_one_place_of_every_epoch() -> None:
    (finding,) = findings(RULE, training(spiky(*range(113, 1000, 100)), epochs=20))
    assert "13 steps into an epoch" in finding.message
    (finding,) = findings(RULE, training(spiky(150, 333, 501, 777), epochs=20))
    assert "into an epoch" not in finding.message


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_spikes(seed: int) -> None:
    generator = np.random.default_rng(seed)
    assert not findings(RULE, training(GOOD * generator.lognormal(0, 0.4, 1000)))


def test_adversarial_losses_are_left_alone() -> None:
    assert not findings(RULE, training(spiky(300, 500, 777), kind="gan"))


@pytest.mark.parametrize(("share", "height", "severity"), [(0.2, 1000.0, "error"), (0.2, 5.0, None), (0.85, 1000.0, None)])
def test_enormous_spikes_may_be_many(share: float, height: float, severity: str | None) -> None:
    """One sample whose target is coded as -999 decides each batch that it comes into."""
    steps = np.random.default_rng(0).permutation(np.arange(100, 1000))[: round(share * 1000)]
    targets = {("loss_target_min", SITE.id): np.full(1000, -999.0), ("loss_target_mean", SITE.id): np.full(1000, 0.5)}
    found = findings(RULE, training(spiky(*steps, height=height), given=targets))
    assert [f.severity for f in found] == ([severity] if severity else [])
    assert not found or "-999" in found[0].fix.text


def test_a_loss_that_weighs_classes_jumps_with_its_samples() -> None:
    weighted = replace(SITE, arguments={"pos_weight": "given"})
    assert not findings(RULE, training(spiky(700, 800, 900), losses=[weighted]))
