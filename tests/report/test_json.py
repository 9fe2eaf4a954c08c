"""The JSON: strict, complete, and as its published schema says."""

import json as standard
import math
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.finding import Diagnosis, Evidence, Finding, Fix
from diagnose.report import json
from diagnose.run import Run, Training

SCHEMA = standard.loads(json.schema())


def strict(text: str) -> dict:
    """Parsed, refusing what JSON does not have."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text.encode("utf-8")
    document = standard.loads(text, parse_constant=refuse)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    return document


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_looks_like_the_golden_file(diagnosis, golden):
    text = json.render(diagnosis)
    strict(text)
    golden("diagnosis.json", text)


def test_the_schema_is_not_vacuous(diagnosis):
    whole = json.document(diagnosis)
    finding = whole["findings"][0]
    for field in SCHEMA["required"]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in whole.items() if key != field}, SCHEMA)
    for field, wrong in {"severity": "fatal", "confidence": 2, "steps": [1], "places": "net", "rank": 0}.items():
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**whole, "findings": [{**finding, field: wrong}]}, SCHEMA)


@pytest.mark.parametrize("state", ["finished", "failed", "interrupted", "killed", "running", "nothing-observed"])
def test_every_state(make_sound, state):
    document = strict(json.render(make_sound(state=state)))
    assert document["run"]["state"] == state
    assert document["verdict"]["level"] == ("nothing-observed" if state == "nothing-observed" else "healthy")


def test_an_empty_run_has_every_field():
    document = strict(json.render(Diagnosis(Run("", "x.py"), (), ())))
    assert document["run"]["overhead"] == {"fraction": None, "once_seconds": None}
    assert document["trainings"] == document["findings"] == []


def test_numbers_that_are_not_finite_are_strings(diagnosis):
    seen = (
        Evidence("loss", None, None, math.nan, "above", math.inf),
        Evidence("loss", None, None, -math.inf, "outside", (-1.0, np.float32(np.inf))),
    )
    first = replace(diagnosis.findings[0], evidence=seen)
    told = strict(json.render(replace(diagnosis, findings=(first,))))["findings"][0]["evidence"]
    assert [(e["value"], e["limit"]) for e in told] == [("nan", "inf"), ("-inf", [-1.0, "inf"])]


def test_numpy_and_foreign_values_become_plain(diagnosis):
    settings = {"a": np.float32(0.5), "b": np.arange(3), "c": {1: (np.int64(2), np.bool_(True))}, "d": object}
    told = strict(json.render(replace(diagnosis, settings=settings)))["run"]["settings"]
    assert told == {"a": 0.5, "b": [0, 1, 2], "c": {"1": [2, True]}, "d": "<class 'object'>"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    text=st.text(st.characters(), max_size=30),
    values=st.lists(st.floats(), min_size=3, max_size=3),
    settings=st.dictionaries(st.text(), json_values, max_size=3),
)
def test_any_name_and_any_number(text, values, settings):
    seen = Evidence(text, text, (0, 3), values[0], "within", (values[1], values[2]), unit=text)
    finding = Finding(text, (text, text), (seen,), rank=1, rule=text, family=text, fix=Fix(text))
    run = Run(text, text, (text,), exception=text, seconds=values[0], trainings=(Training(networks=[text]),))
    document = strict(json.render(Diagnosis(run, (finding,), (text,), settings=settings)))
    value = document["findings"][0]["evidence"][0]["value"]
    assert float(value) == values[0] or math.isnan(values[0])
