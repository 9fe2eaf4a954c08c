import pytest
from made import SITE, falling, findings, made, replace

from diagnose.run import InputSite, Layer

RULE = "attention-collapse"
SOFTMAX = Layer(
    "net.softmax", "softmax", "activation", "softmax", functional=True, shape=(32, 4, 16, 16), network="net"
)


def attending(entropy: object, layer: Layer = SOFTMAX, **change: object):
    return made({("softmax_entropy", layer.path): entropy}, layers=[layer], **change)


@pytest.mark.parametrize(
    ("entropy", "loud"), [(0.0, True), (0.04, True), (0.06, False), (0.7, False), (0.99, False), (0.999, True)]
)
def test_speaks_at_both_ends(entropy: float, loud: bool) -> None:
    assert bool(findings(RULE, attending(entropy))) is loud


def test_silent_while_the_loss_falls() -> None:
    assert not findings(RULE, attending(0.0, loss=falling()))


def test_even_at_the_start_is_ordinary() -> None:
    assert not findings(RULE, attending([1.0] * 8 + [0.7] * 12))


def test_a_softmax_of_classes_is_no_attention() -> None:
    assert not findings(RULE, attending(0.0, replace(SOFTMAX, shape=(32, 10))))
    assert not findings(RULE, attending(0.0, losses=[replace(SITE, layer="net.softmax")]))


def test_says_which_end() -> None:
    assert "one place alone" in findings(RULE, attending(0.01))[0].message
    assert "all places alike" in findings(RULE, attending(0.999))[0].message


def test_fix_fits_the_end() -> None:
    (one,), (even,) = findings(RULE, attending(0.01)), findings(RULE, attending(0.999))
    assert one.fix and "scores" in (one.fix.code or "")
    assert even.fix and even.fix.code == "x = x + attention(norm(x))"


@pytest.mark.parametrize(("highest", "loud"), [(1.0, False), (7.0, True)])
def test_places_that_are_all_the_same_are_looked_at_alike(highest: float, loud: bool) -> None:
    tokens = [InputSite("net:0", "net", (32, 16), "int64")]
    given = {("softmax_entropy", SOFTMAX.path): 0.999, ("input_min", "net:0"): 1.0, ("input_max", "net:0"): highest}
    assert bool(findings(RULE, made(given, layers=[SOFTMAX], inputs=tokens))) is loud
