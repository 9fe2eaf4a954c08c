import pytest
from made import findings, made

from diagnose.run import Event

RULE = "clipped-while-scaled"
CLIPPED = Event("clipped-while-scaled", 7, None)


@pytest.mark.parametrize(
    ("scale", "events", "loud"), [(65536.0, [CLIPPED], True), (65536.0, [], False), (1.0, [CLIPPED], False)]
)
def test_needs_the_event_and_a_scale(scale: float, events: list[Event], loud: bool) -> None:
    assert bool(findings(RULE, made({("loss_scale", None): scale}, events=events))) is loud


def test_names_scale_and_step() -> None:
    (finding,) = findings(RULE, made({("loss_scale", None): 1024.0}, events=[CLIPPED]))
    assert "1024" in finding.message and "step 7" in finding.message
    assert finding.fix and finding.fix.code and finding.fix.code.startswith("scaler.unscale_(optimizer)")
