"""Settings: where they come from, which wins, and what is refused."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose import settings
from diagnose.errors import UsageError
from diagnose.rules import all_rules
from diagnose.settings import UNREAD, Settings, read

KNOWN = {
    "dead-units": ("activations", {"share": 0.5, "min_steps": 20, "strict": True, "roles": ("linear",), "free": None}),
    "vanishing-gradients": ("gradients", {"ratio": 1e-3, "computed": UNREAD}),
    "exploding-gradients": ("gradients", {}),
}


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Three rules of this test's own."""
    monkeypatch.setattr(settings, "rules_known", lambda: KNOWN)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose pyproject.toml stands two folders above the program; returns what reads it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src" / "deep").mkdir(parents=True)

    def write(text: str, **options: object) -> Settings:
        (tmp_path / "pyproject.toml").write_text(text)
        return read(tmp_path / "src" / "deep", **options)  # type: ignore[arg-type]

    return write


def test_the_nearest_file_that_speaks_of_us(project, tmp_path):
    (tmp_path / "src" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    made = project(
        "[tool.diagnose]\nignore = ['gradients', 'dead-units:net.3']\n[tool.diagnose.dead-units]\nshare = 0.9\n"
    )
    assert made.thresholds == {"dead-units": {"share": 0.9}}
    assert made.ignore == ("gradients", "dead-units:net.3")
    assert made.origin == dict.fromkeys(
        ["dead-units.share", "ignore:gradients", "ignore:dead-units:net.3"], "pyproject.toml"
    )
    (tmp_path / "src" / "pyproject.toml").write_text("[tool.diagnose]\nselect = ['dead-units']\n")
    made = read(tmp_path / "src" / "deep")
    assert (made.select, made.ignore, made.thresholds) == (("dead-units",), (), {})


def test_without_any_file_everything_is_default(tmp_path):
    assert read(tmp_path) == Settings()


def test_the_command_line_wins(project):
    made = project(
        "[tool.diagnose]\nselect = ['gradients']\nignore = ['dead-units', 'exploding-gradients']\n"
        "[tool.diagnose.dead-units]\nshare = 0.9\nmin_steps = 5\n",
        sets=[("dead-units.share", "0.7"), ("vanishing-gradients.ratio", "1e-4")],
        select=["dead-units, vanishing-gradients"],
        ignore=["vanishing-gradients:net.0"],
    )
    assert made.thresholds == {"dead-units": {"share": 0.7, "min_steps": 5}, "vanishing-gradients": {"ratio": 1e-4}}
    assert made.select == ("dead-units", "vanishing-gradients")
    assert made.ignore == (
        "exploding-gradients",
        "vanishing-gradients:net.0",
    )  # what is selected by hand is not ignored
    assert made.origin["dead-units.share"] == "--set"
    assert made.origin["dead-units.min_steps"] == "pyproject.toml"
    assert made.origin["select:dead-units"] == "--select"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("dead-units.share", "1", 1.0), ("dead-units.share", ".5", 0.5), ("dead-units.share", "1e-3", 1e-3),
     ("dead-units.share", "inf", float("inf")), ("dead-units.min_steps", "1_000", 1000), ("dead-units.strict", "false", False),
     ("dead-units.roles", '["linear", "convolution"]', ("linear", "convolution")), ("dead-units.free", "word", "word"),
     ("vanishing-gradients.computed", "3", 3)],
)  # fmt: skip
def test_a_value_takes_the_type_of_its_default(name, text, value):
    rule, threshold = name.split(".")
    found = read(None, sets=[(name, text)]).thresholds[rule][threshold]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sets": [("dead-unit.share", "1")]}, "the nearest is 'dead-units'"),
        ({"sets": [("dead_units.share", "1")]}, "the nearest is 'dead-units'"),
        ({"sets": [("dead-units.shares", "1")]}, "the nearest is 'share'"),
        ({"sets": [("dead-units.min-steps", "1")]}, "the nearest is 'min_steps'"),
        ({"sets": [("exploding-gradients.x", "1")]}, "exploding-gradients has none"),
        ({"sets": [("dead-units.share", "much")]}, "expected a number for dead-units.share"),
        ({"sets": [("dead-units.share", "nan")]}, "expected a number"),
        ({"sets": [("dead-units.share", "true")]}, "expected a number"),
        ({"sets": [("dead-units.min_steps", "1.5")]}, "expected a whole number"),
        ({"sets": [("dead-units.strict", "1")]}, "expected true or false"),
        ({"sets": [("dead-units.roles", "linear")]}, "expected a list"),
        ({"select": ["gradient"]}, "the nearest is 'gradients'"),
        ({"ignore": ["dead-units,ded-units:net.3"]}, "found 'ded-units'; the nearest is 'dead-units'"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(options, said):
    with pytest.raises(UsageError) as caught:
        read(None, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.diagnose\n", "expected TOML in"),
        ("tool.diagnose = 3\n", "expected a table"),
        ("[tool.diagnose]\nignore = 'gradients'\n", "expected a list of names for ignore"),
        ("[tool.diagnose]\nignore = ['gradient']\n", "ignore in pyproject.toml, found 'gradient'"),
        ("[tool.diagnose]\nignor = []\n", "the nearest is 'ignore'"),
        ("[tool.diagnose]\ndead-units = 3\n", "expected a table [tool.diagnose.dead-units]"),
        ("[tool.diagnose.dead-units]\nshare = 'x'\n", "expected a number for dead-units.share (pyproject.toml)"),
        ("[tool.diagnose.dead-units]\nshar = 1\n", "the nearest is 'share'"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(project, text, said):
    with pytest.raises(UsageError) as caught:
        project(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="expected TOML in"):
        read(tmp_path)


def test_settings_kept_in_a_run_hold_where_its_project_is_gone(project):
    recorded = project("[tool.diagnose.dead-units]\nshare = 0.9\n", ignore=["gradients"])
    assert read(None, kept=recorded.facts()) == recorded


def test_what_the_project_says_now_replaces_what_it_said_when_the_run_was_recorded(project):
    kept = project("[tool.diagnose.dead-units]\nshare = 0.9\nmin_steps = 7\n", ignore=["gradients"]).facts()
    made = project("[tool.diagnose.dead-units]\nshare = 0.8\n", kept=kept)
    assert made.thresholds == {"dead-units": {"share": 0.8}}
    assert made.ignore == ("gradients",)  # from the command line it was recorded with


def test_settings_of_a_run_recorded_by_another_version_are_left_out():
    kept = {"thresholds": {"gone": {"x": 1}, "dead-units": {"gone": 2}}, "select": ["gone:net"], "ignore": ["gone"]}
    made = read(None, kept=kept)
    assert (made.thresholds, made.select, made.ignore) == ({}, (), ())


def test_which_rules_are_silenced():
    made = read(None, ignore=["gradients", "dead-units:net"])
    assert made.silences("vanishing-gradients", "gradients") == "--ignore"
    assert made.silences("dead-units", "activations") is None  # only at one place
    assert read(None, select=["dead-units:net"]).silences("dead-units", "activations") is None
    assert read(None, select=["gradients"]).silences("dead-units", "activations") == "not selected"


@given(st.text(), st.text())
def test_anything_typed_is_read_or_refused(name, text):
    for sets in ([(f"dead-units.{name}", text)], [("dead-units.free", text)], [("dead-units.share", text)]):
        try:
            read(None, sets=sets, select=[name])
        except UsageError as error:
            assert "\n" not in str(error)


def test_what_is_read_off_the_files_is_what_the_rules_are(monkeypatch):
    monkeypatch.undo()
    read_off = settings.rules_known()
    assert {name: rule.family for name, rule in all_rules().items()} == {
        n: family for n, (family, _) in read_off.items()
    }
    for name, rule in all_rules().items():
        assert list(rule.thresholds) == list(read_off[name][1])
        for threshold, default in rule.thresholds.items():
            assert read_off[name][1][threshold] in (default, UNREAD)


def test_reading_settings_imports_nothing_the_program_may_want(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.diagnose]\nignore = ['gradients']\n")
    code = (
        "import sys; from pathlib import Path; from diagnose import settings; settings.read(Path()); settings.rules_known(); "
        "print(sorted({'numpy', 'torch', 'rich'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_defaults_are_literals(monkeypatch):
    """A default that is computed can not be checked before the program starts."""
    monkeypatch.undo()
    known = settings.rules_known().items()
    assert [f"{rule}.{name}" for rule, (_, all_) in known for name, default in all_.items() if default is UNREAD] == []
