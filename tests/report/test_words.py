"""How numbers, evidence and names are put into words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.finding import Evidence, Finding, Source
from diagnose.report.words import headline, number, numbers, plain, statement


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1.0, "1"), (1200, "1,200"), (0.034, "0.034"), (3.2e-10, "3.2e-10"), (2.3026, "2.3"), (74.03, "74"),
     (1234.56, "1,235"), (1.5e7, "1.5e7"), (-0.5, "-0.5"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"),
     (123456.7, "123,457"), (999999.9, "1,000,000"), (12345678, "1.23e7"), (2.345, "2.35")],
)  # fmt: skip
def test_number(value, text):
    assert number(value) == text


@given(st.floats(-1e300, 1e300))
def test_a_number_lies_within_half_a_per_cent(value):
    assert math.isclose(float(number(value).replace(",", "")), value, rel_tol=5.1e-3, abs_tol=5e-324)


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=3, unique=True))
def test_different_numbers_look_different(values):
    assert len(set(numbers(*values))) == len(values)


def test_a_value_close_to_its_limit_has_the_digits_it_needs():
    seen = Evidence("zero_share", "net.1", (0, 9), 0.99996, "above", 0.9999)
    assert statement(seen) == "zero share at net.1: median 0.99996, above 0.9999 (steps 0–9)"


def test_statement():
    assert (
        statement(Evidence("step_seconds", None, (4, 4), 1.25, "outside", (0.1, 1.0), unit="s", statistic="mean"))
        == "step seconds: mean 1.25 s, outside 0.1 s … 1 s (step 4)"
    )


def test_headline_says_a_source_once():
    finding = Finding("", ("cross_entropy train.py:41",), source=Source("/a/train.py", 41), rule="sigmoid-before-bce")
    assert headline(finding) == "sigmoid before BCE (train.py:41)"


@given(st.text())
def test_plain_text_can_be_printed(text):
    shown = plain(text)
    assert "\n" not in shown
    shown.encode("utf-8")
    assert plain(shown) == shown
