import pytest
from made import falling, findings, made, mlp, per

RULE = "dead-units"


def dead(share: object, loss: object = None, width: int = 8, activation: str = "relu"):
    layers, parameters = mlp(width=width, activation=activation)
    return made({("dead_share", "net.act1"): share}, loss=loss, layers=layers, parameters=parameters)


@pytest.mark.parametrize(
    ("share", "learns", "severity"),
    [
        (1.0, False, "error"), (1.0, True, "warning"), (0.98, True, "warning"), (0.86, True, "warning"), (0.84, True, None),
        (0.95, False, "error"),
        (0.6, False, "warning"), (0.45, False, None), (0.0, False, None),
    ],
)  # fmt: skip
def test_by_share_and_second_sign(share: float, learns: bool, severity: str | None) -> None:
    found = findings(RULE, dead(share, falling() if learns else None))
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_names_layer_units_and_the_step_since_when() -> None:
    (finding,) = findings(RULE, dead([0.0] * 10 + [1.0] * 10))
    assert finding.places == ("net.act1",) and finding.steps == (104, 199)
    assert "8 units" in finding.message and "step 104" in finding.message
    assert finding.fix and finding.fix.code == "nn.LeakyReLU(0.01)" and "now 0.1" in finding.fix.text


def test_units_that_come_back_are_not_dead() -> None:
    assert not findings(RULE, dead([1.0] * 18 + [0.2] * 2))


def test_silence_in_one_snapshot_is_not_death() -> None:
    assert not findings(RULE, dead([0.0] * 19 + [1.0]))


def test_activations_with_a_slope_everywhere_do_not_die() -> None:
    assert not findings(RULE, dead(1.0, activation="gelu"))


def test_only_the_dead_layer_is_named_not_what_suffers_from_it() -> None:
    layers, parameters = mlp()
    given = {("dead_share", "net.act0"): 0.6, ("dead_share", "net.act1"): 1.0}
    assert [f.places for f in findings(RULE, made(given, layers=layers, parameters=parameters))] == [("net.act1",)]


@pytest.mark.parametrize(("first", "share", "loud"), [(1e-6, 0.6, False), (0.1, 0.6, True), (1e-6, 1.0, True)])
def test_a_signal_that_had_died_before_the_units_is_the_cause(first: float, share: float, loud: bool) -> None:
    layers, parameters = mlp(width=8, activation="relu")
    norms = per("gradient_norm", parameters, lambda i: first if i == 0 else 1.0)
    recorded = made({("dead_share", "net.act1"): share} | norms, layers=layers, parameters=parameters)
    assert bool(findings(RULE, recorded)) is loud
