"""The terminal's text: complete, exact, within the width, and deaf to what the user's names contain."""

import os
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.finding import BlindSpot, Diagnosis, Finding, Source
from diagnose.report import live, terminal
from diagnose.run import Event, Training

ANSI = re.compile(r"\x1b\[[0-9;]*m")
UNBROKEN = ("next: ", "run: ")  # commands and paths are never broken, so that they can be copied


def text_of(diagnosis: Diagnosis, **options: object) -> str:
    return terminal.render(diagnosis, **{"command": "diagnose", **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_looks_like_the_golden_file(diagnosis, golden, width):
    golden(f"terminal-{width}.txt", text_of(diagnosis, width=width))


def test_colours_look_like_the_golden_file(diagnosis, golden):
    golden("terminal-color.txt", text_of(diagnosis, width=80, color=True))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("healthy", {}),
        ("nothing-observed", {
            "state": "nothing-observed",
            "facts": {"nothing_observed": {"code": "no-torch", "message": "the program did not import torch"}},
        }),
        ("failed", {"state": "failed", "exception": "ValueError: bad shape", "exit_status": 1}),
        ("interrupted", {"state": "interrupted", "exception": "KeyboardInterrupt"}),
        ("killed", {"state": "killed"}),
    ],
)  # fmt: skip
def test_ends_without_findings(make_sound, golden, name, changes):
    golden(f"terminal-{name}.txt", text_of(make_sound(**changes)))


def test_nothing_observed_is_never_called_sound(make_sound):
    told = text_of(make_sound(state="nothing-observed"))
    assert "nothing wrong" not in told
    assert "healthy" not in told


def test_colour_changes_nothing_but_colour(diagnosis):
    colored = ANSI.sub("", text_of(diagnosis, width=60, color=True))
    assert [line.rstrip() for line in colored.splitlines()] == text_of(diagnosis, width=60).splitlines()


def test_without_colour_there_is_no_escape(diagnosis):
    assert "\x1b" not in text_of(diagnosis)


@pytest.mark.parametrize("width", range(20, 130, 3))
def test_stays_within_the_width(diagnosis, width):
    lines = text_of(diagnosis, width=width).splitlines()
    code = re.compile(r"^ *\d* \|")
    assert [
        line for line in lines if len(line) > width and not line.startswith(UNBROKEN) and not code.match(line)
    ] == []


def test_the_first_line_is_the_cause(diagnosis):
    first = text_of(diagnosis, width=100).splitlines()[0]
    assert first == "diagnose: error: softmax before cross entropy in net.fc (train.py:11)"


def test_quotes_the_line_of_code_exactly(diagnosis):
    assert "11 |         return F.softmax(self.fc(x), dim=1)\n" in text_of(diagnosis, width=30)


def test_quotes_no_line_that_was_edited_after_the_run_began(diagnosis):
    os.utime("train.py", (4_000_000_000, 4_000_000_000))
    assert "F.softmax" not in text_of(diagnosis)
    assert "--> train.py:11 in net.fc" in text_of(diagnosis)


def test_quotes_nothing_where_source_was_kept_out(diagnosis):
    run = replace(diagnosis.run, facts={**diagnosis.run.facts, "source": False})
    assert "F.softmax" not in text_of(replace(diagnosis, run=run))


@pytest.mark.parametrize("source", [Source("missing.py", 3), Source("train.py", 999), Source("train.py", 0), Source(".", 1),
                                    Source("/dev/zero", 1), Source("nul\0.py", 1)])  # fmt: skip
def test_source_that_can_not_be_quoted(diagnosis, source):
    first = replace(diagnosis.findings[0], source=source)
    assert "error[softmax" in text_of(replace(diagnosis, findings=(first, *diagnosis.findings[1:])))


def test_finds_the_program_from_another_folder(diagnosis, tmp_path, monkeypatch):
    run = replace(diagnosis.run, facts={**diagnosis.run.facts, "cwd": str(tmp_path)})
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    told = text_of(replace(diagnosis, run=run), width=300)
    assert f"--> {tmp_path}/train.py:11" in told
    assert "F.softmax" in told


def test_symptoms_are_folded_into_one_line_each(diagnosis):
    lines = text_of(diagnosis, width=60).splitlines()
    folded = [line for line in lines if "loss-not-decreasing" in line]
    assert len(folded) == 1
    assert folded[0].startswith("   = so also loss-not-decreasing: training loss")


def test_no_loud_finding_is_lost(diagnosis):
    """Also a symptom whose cause is not there, and more causes than are shown in full."""
    orphan = replace(diagnosis.findings[1], symptom_of=("gone:0:",), rule="orphan-rule")
    many = tuple(Finding(f"fault {i} at layer {i}", (f"l{i}",), rule=f"rule-{i}", rank=i) for i in range(12))
    told = text_of(replace(diagnosis, findings=(orphan, *many)))
    for rule in ("orphan-rule", *(f"rule-{i}" for i in range(12))):
        assert f"error[{rule}]" in told


def test_names_the_training_where_there_are_several(diagnosis):
    run = replace(diagnosis.run, trainings=(Training(id=0, steps=5), Training(id=1, steps=7, kind="gan")))
    told = text_of(replace(diagnosis, run=run), width=110)
    assert "net.fc, training 0" in told
    assert "5 steps (no optimizer) and 7 steps (GAN, no optimizer)" in told


def test_tells_where_the_recorder_failed(make_sound):
    events = (
        Event("recording-stopped", 320, None, {"reason": "no space left on device"}),
        Event("probe-failed", None, None, {"probe": "outputs", "error": "IndexError: 3"}),
    )
    told = text_of(make_sound(events=events), width=110)
    assert "not seen: recording stopped at step 320: no space left on device" in told
    assert "not seen: outputs: this measurement failed and was switched off at an unknown step: IndexError: 3" in told


def test_many_blind_spots_are_counted(make_sound):
    diagnosis = replace(make_sound(), blind_spots=tuple(BlindSpot(f"layer{i}", "compiled") for i in range(40)))
    told = text_of(diagnosis)
    assert told.count("not seen:") == 5
    assert "36 more places" in told


def test_the_next_command_is_quoted_for_a_shell(make_sound):
    told = text_of(make_sound(path="my runs/a $b"))
    assert "next: diagnose show 'my runs/a $b' -o diagnosis.json\n" in told


@pytest.mark.parametrize("hostile", ["[bold red]x[/]", "[/nothing]", ":smile:", "\x1b[31mred", "a\nb", "a\r\tb", "\u202egnp", "\ud800",
                                     "\x9b31m", "名前" * 30, "\u2028"])  # fmt: skip
def test_names_of_the_program_stay_text(diagnosis, hostile):
    first = replace(
        diagnosis.findings[0], message=f"at {hostile} 1", places=(hostile,), rule=hostile, source=Source(hostile, 1)
    )
    told = text_of(replace(diagnosis, findings=(first,), blind_spots=(BlindSpot(hostile, hostile),)), width=2000)
    assert not {char for char in told if ord(char) < 32 and char != "\n"} | set(told) & set("\x9b\u202e\u2028\ud800")
    if hostile.isprintable():
        assert hostile in told or len(hostile) > 50  # the widest text is broken


@given(
    name=st.text(max_size=60),
    values=st.lists(st.floats(), min_size=3, max_size=3),
    width=st.integers(1, 250),
    color=st.booleans(),
)
def test_any_name_and_any_number_can_be_shown(name, values, width, color):
    from diagnose.finding import Evidence, Fix
    from diagnose.run import Run

    seen = (
        Evidence(name, name, None, values[0], "above", values[1], unit=name),
        Evidence(name, None, (0, 1), values[0], "outside", (values[1], values[2])),
    )
    finding = Finding(name, (name,), seen, rule=name, fix=Fix(name, name), source=Source("nowhere.py", 3))
    run = Run(
        path=name, program=name, trainings=(Training(networks=[name]),), facts={"overhead": {"fraction": values[0]}}
    )
    told = terminal.render(Diagnosis(run, (finding,), (name,)), width=width, color=color)
    assert ANSI.sub("", told).splitlines()[0].startswith("diagnose: error:"[: max(20, width)])
    assert told.endswith("\n")


def test_a_new_error_is_one_line(diagnosis):
    told = live.line(diagnosis.findings[0], 320)
    assert told == (
        "diagnose: error at step 320: softmax-before-cross-entropy: rows of net.fc sum to 1 before cross_entropy at train.py:24, "
        "which applies softmax again (train.py:11)"
    )
    assert "\n" not in live.line(replace(diagnosis.findings[0], message="a\nb\x1b[1m"))
    assert "\x1b" not in live.line(replace(diagnosis.findings[0], message="a\nb\x1b[1m"))
