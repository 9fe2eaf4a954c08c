"""What a CI reads: SARIF by its schema, JUnit, GitHub annotations, Markdown; all deaf to what the user's names contain."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.finding import BlindSpot, Diagnosis, Evidence, Finding, Fix, NotChecked, Source
from diagnose.report import github, junit, markdown, sarif
from diagnose.run import Run, Training

SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
VALID = jsonschema.Draft4Validator(SARIF, format_checker=jsonschema.FormatChecker())


def read_sarif(diagnosis: Diagnosis) -> dict:
    document = json.loads(sarif.render(diagnosis))
    VALID.validate(document)
    return document["runs"][0]


@pytest.fixture
def everything(diagnosis, make_sound):
    """Diagnoses of every kind."""
    return [
        diagnosis,
        make_sound(),
        make_sound(state="nothing-observed"),
        make_sound(state="failed", exception="ValueError: x", exit_status=1),
        make_sound(started="", trainings=(), facts={}),
    ]


@pytest.mark.parametrize(
    ("reporter", "name"),
    [(sarif, "diagnosis.sarif"), (junit, "junit.xml"), (github, "github.txt"), (markdown, "comment.md")],
)
def test_looks_like_the_golden_file(diagnosis, golden, monkeypatch, reporter, name):
    monkeypatch.setattr("diagnose.rules.all_rules", dict)  # their documentation changes, and is tested below
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    golden(name, reporter.render(diagnosis))


def test_sarif_is_valid(everything):
    for diagnosis in everything:
        read_sarif(diagnosis)


def test_the_sarif_schema_is_not_vacuous(diagnosis):
    whole = json.loads(sarif.render(diagnosis))
    whole["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        VALID.validate(whole)


def test_sarif_has_the_line_and_the_rule(diagnosis, tmp_path):
    first = replace(
        diagnosis.findings[0], source=Source(str(tmp_path / "train.py"), 11), rule="softmax-before-cross-entropy"
    )
    run = replace(diagnosis.run, facts={"cwd": str(tmp_path)})
    told = read_sarif(replace(diagnosis, findings=(first,), run=run))
    place = told["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "train.py", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 11, "snippet": {"text": "        return F.softmax(self.fc(x), dim=1)"}}
    assert told["originalUriBaseIds"]["SRCROOT"]["uri"] == f"file://{tmp_path}/"
    assert "What it does" in told["tool"]["driver"]["rules"][0]["help"]["text"]


def test_sarif_points_to_the_program_where_the_line_is_unknown(diagnosis):
    place = read_sarif(diagnosis)["results"][2]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("train.py", 1)


def test_a_message_is_no_link(diagnosis):
    first = replace(diagnosis.findings[0], message="x [text](http://example.org) 1", fix=None)
    told = read_sarif(replace(diagnosis, findings=(first,)))["results"][0]["message"]["text"]
    assert told == r"x \[text\](http://example.org) 1"


def test_junit_counts_what_it_holds(everything):
    for diagnosis in everything:
        suite = ElementTree.fromstring(junit.render(diagnosis))[0]
        for attribute, tag in {
            "tests": "testcase",
            "failures": ".//failure",
            "errors": ".//error",
            "skipped": ".//skipped",
        }.items():
            assert int(suite.get(attribute)) == len(suite.findall(tag))
        assert len(suite.findall(".//failure")) == sum(finding.loud for finding in diagnosis.findings)


def test_junit_is_an_error_where_nothing_was_observed(make_sound):
    suite = ElementTree.fromstring(junit.render(make_sound(state="nothing-observed")))[0]
    assert suite.find(".//error").get("message").startswith("nothing observed")


def test_junit_names_each_rule_once_that_found_nothing(diagnosis):
    several = replace(
        diagnosis,
        not_checked=(NotChecked("a", "x", "", 0), NotChecked("a", "x", "", 1), NotChecked("dead-units", "x", "", 1)),
    )
    names = [case.get("name") for case in ElementTree.fromstring(junit.render(several)).iter("testcase")]
    assert names.count("a") == names.count("dead-units") == 1


def test_annotations_are_one_line_each_for_the_causes(diagnosis):
    told = github.render(diagnosis).splitlines()
    assert [line.split(" ")[0] for line in told] == ["::error", "::warning", "::notice"]
    assert "So also loss-not-decreasing" in told[0]


def test_annotations_say_that_nothing_was_found(make_sound):
    assert github.render(make_sound()).startswith("::notice title=diagnose::nothing wrong found")
    assert github.render(make_sound(state="nothing-observed")).startswith("::warning title=diagnose::nothing observed")


def test_annotations_are_relative_to_the_workspace(diagnosis, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    first = replace(diagnosis.findings[0], source=Source(str(tmp_path / "src" / "a,b:c.py"), 3))
    told = github.render(replace(diagnosis, findings=(first,)))
    assert told.startswith("::error file=src/a%2Cb%3Ac.py,line=3,title=")


def test_a_comment_fits_and_says_what_was_left_out(diagnosis):
    many = tuple(
        Finding("f" * 900, ("l",), fix=Fix("x" * 900), rule=f"rule-{i}", rank=i, severity="error") for i in range(200)
    )
    told = markdown.render(replace(diagnosis, findings=many))
    assert len(told) < 65_536
    shown = told.count("### error")
    assert f"{200 - shown} more findings: see the JSON." in told


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "@someone", "#123", "**x**", "[a](http://b)", "`", "```", "|", "~~x~~"]
)
def test_markdown_is_nothing_but_text(diagnosis, hostile):
    first = replace(diagnosis.findings[0], message=hostile, places=(hostile,), fix=Fix(hostile, hostile))
    told = markdown.render(replace(diagnosis, findings=(first,), blind_spots=(BlindSpot(hostile, ""),)))
    unescaped = re.sub(r"\\[\\`*_\[\]|~]", "", told)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", unescaped, flags=re.DOTALL)  # without what stands in code
    assert hostile not in outside.replace("**Fix:**", "")


@settings(deadline=None)
@given(text=st.text(max_size=40), value=st.floats(), line=st.integers(-1, 10**6))
def test_any_name_and_any_number(text, value, line):
    finding = Finding(
        text, (text, text), (Evidence(text, text, None, value, "above", value),), rule=text, family=text, rank=1,
        fix=Fix(text, text), source=Source(text or "x", line),
    )  # fmt: skip
    run = Run(
        text,
        text,
        (text,),
        started=text,
        exception=text,
        trainings=(Training(networks=[text]),),
        facts={"cwd": f"/{text}"},
    )
    diagnosis = Diagnosis(run, (finding, replace(finding, severity="note")), (text,), (NotChecked(text, text, text),))
    read_sarif(diagnosis)
    ElementTree.fromstring(junit.render(diagnosis))
    for told in github.render(diagnosis).splitlines():
        assert told.startswith(("::error ", "::notice "))
    assert markdown.render(diagnosis).startswith("## diagnose: error")
