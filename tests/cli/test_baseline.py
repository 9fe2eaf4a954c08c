"""--baseline: only new findings count."""

import pytest

from diagnose.cli._baseline import read_baseline, without
from diagnose.errors import UsageError
from diagnose.finding import Diagnosis, Finding
from diagnose.report import json
from diagnose.run import Run

CAUSE = Finding("a 1", ("net.0",), rule="dead-units", rank=1)
SYMPTOM = Finding("b 1", rule="loss-not-decreasing", rank=2, symptom_of=(CAUSE.id,))
OTHER = Finding("c 1", ("net.1",), rule="dead-units", rank=3, severity="warning")
WHOLE = Diagnosis(Run("r", "x.py"), (CAUSE, SYMPTOM, OTHER), ("dead-units",))


def test_known_findings_are_set_aside_and_told(tmp_path):
    file = tmp_path / "old.json"
    file.write_text(json.render(Diagnosis(Run("r", "x.py"), (CAUSE,), ())))
    left = without(WHOLE, read_baseline(str(file)), "old.json")
    assert [(f.rule, f.rank, f.symptom_of) for f in left.findings] == [
        ("loss-not-decreasing", 1, ()),
        ("dead-units", 2, ()),
    ]
    assert left.suppressed == ({"rule": "dead-units", "by": "baseline old.json", "id": CAUSE.id},)


def test_its_own_baseline_leaves_nothing(tmp_path):
    file = tmp_path / "old.json"
    file.write_text(json.render(WHOLE))
    left = without(WHOLE, read_baseline(str(file)), "old.json")
    assert left.level == "healthy"
    assert len(left.suppressed) == 3


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"findings": [{}]}', '{"findings": 3}', "\0"])
def test_what_is_no_baseline_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "old.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError) as caught:
        read_baseline(str(file))
    assert "expected --baseline" in str(caught.value)
    assert "\n" not in str(caught.value)
