import numpy as np
import pytest
from made import falling, findings, flat, made, mlp, per

RULE = "poor-initialization"


def drawn(std: float, factor: float, *, activation: str = "relu", **change: object):
    """Six layers of 100 units drawn with `std`, each of which multiplies the signal by `factor` at first."""
    layers, parameters = mlp(6, 100, activation, std)
    linear = [layer for layer in layers if layer.role == "linear"]
    return made(per("batch_std", linear, lambda i: factor**i), layers=layers, parameters=parameters, **change)


@pytest.mark.parametrize(
    ("std", "factor", "loud"),
    [
        (0.03, 0.2, True),  # gain 0.3 where √2 is asked for
        (0.03, 0.6, False),  # 0.6⁶ = 0.05: the signal passes
        (0.08, 0.2, False),  # gain 0.8: more than half of √2
        (0.0577, 0.2, False),  # PyTorch's default is never blamed
        (0.4, 4.0, True),
        (0.25, 4.0, False),
        (0.03, 4.0, False),  # too small does not explain growth
    ],
)
def test_both_the_weights_and_the_signal_must_be_off(std: float, factor: float, loud: bool) -> None:
    assert bool(findings(RULE, drawn(std, factor))) is loud


def test_silent_where_the_loss_falls() -> None:
    assert not findings(RULE, drawn(0.03, 0.2, loss=falling()))


def test_message_has_the_right_deviation_for_the_layer() -> None:
    (finding,) = findings(RULE, drawn(0.03, 0.2))
    assert "0.03, 0.21 times what keeps the signal (0.14)" in finding.message
    assert finding.fix and finding.fix.code and "kaiming_normal_" in finding.fix.code


def test_overflow_counts_as_suffering() -> None:
    loss = flat()
    loss[3:] = np.nan
    assert findings(RULE, drawn(3.0, 1e3, loss=loss))
