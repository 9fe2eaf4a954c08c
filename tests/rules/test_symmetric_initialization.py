import pytest
from made import findings, made, mlp, replace

RULE = "symmetric-initialization"


def spread(value: object, place: str = "net.1.weight", **given: object):
    more = {(name, place): v for name, v in given.items()}
    return made({("weight_row_spread", place): value, ("update_norm", place): 0.01} | more)


@pytest.mark.parametrize(("value", "loud"), [(0.0, True), (9e-4, True), (2e-3, False), (0.97, False)])
def test_speaks_when_rows_are_equal(value: float, loud: bool) -> None:
    assert bool(findings(RULE, spread(value))) is loud


def test_a_branch_that_starts_at_zero_parts_at_the_first_step() -> None:
    assert not findings(RULE, spread([0.0] + [0.5] * 19))


def test_units_that_began_equal_and_were_parted_by_chance() -> None:
    (finding,) = findings(RULE, spread([1e-6, 1e-5, 1e-4] + [0.01] * 17))
    assert finding.severity == "warning" and "parted" in finding.message and "spread 1.0e-02 at the end" in finding.message
    assert not findings(RULE, spread([1e-6] + [0.01] * 19))  # parted by the second snapshot: the gradient did it


def test_weights_that_stay_zero() -> None:
    (finding,) = findings(RULE, spread(float("nan"), weight_norm=0.0))
    assert "all zero" in finding.message and finding.places == ("net.1",)


def test_one_unit_has_no_other_to_equal() -> None:
    assert not findings(RULE, spread(0.0, "net.out.weight"))


def test_weights_that_are_not_trained() -> None:
    assert not findings(RULE, spread(0.0, update_norm=0.0))


def test_names_the_weight() -> None:
    (finding,) = findings(RULE, spread(0.0))
    assert finding.message.startswith("net.1.weight: all 8 units have the same weights")
    assert finding.fix and finding.fix.code == "nn.init.kaiming_uniform_(model.net.1.weight)"
    layers, _ = mlp()
    assert finding.source == layers[2].source


@pytest.mark.parametrize(("mean", "std", "columns", "loud"), [
    (0.3, 1e-9, 4, True), (0.0, 0.0, 4, False), (0.3, 1e-9, 1, False), (0.3, 0.1, 4, False),
])  # fmt: skip
def test_a_table_that_began_as_one_number(mean: float, std: float, columns: int, loud: bool) -> None:
    """The gradient parts the symbols; what is kept of each stays one number, however many there are."""
    layers, parameters = mlp()
    layers[0] = replace(layers[0], role="embedding", type="Embedding")
    parameters[0] = replace(parameters[0], shape=(8, columns), initial={"mean": mean, "std": std})
    given = {("weight_row_spread", "net.0.weight"): 0.5, ("update_norm", "net.0.weight"): 0.01}
    assert bool(findings(RULE, made(given, layers=layers, parameters=parameters))) is loud
