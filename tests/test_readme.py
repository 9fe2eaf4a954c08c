"""The README's generated parts are what the code says: `pytest tests/test_readme.py --update-golden` writes them."""

import re
from itertools import groupby
from pathlib import Path

import pytest
from click.testing import CliRunner

from diagnose.cli._group import commands
from diagnose.report import reporters
from diagnose.rules import all_rules

README = Path(__file__).parent.parent / "README.md"


def rules() -> str:
    """All rules by family, each with the first line of its documentation."""
    lines = ["| family | rule | what it finds |", "|---|---|---|"]
    for family, members in groupby(all_rules().values(), key=lambda rule: rule.family):
        for rule in members:
            lines.append(f"| {family} | `{rule.name}` | {rule.title.replace('|', chr(92) + '|')} |")
            family = ""
    return "\n".join(lines)


def formats() -> str:
    """What -o and --format take."""
    lines = ["| format | suffix | what it is |", "|---|---|---|"]
    for name, reporter in reporters().items():
        suffixes = ", ".join(f"`{suffix}`" for suffix in reporter.SUFFIXES) or "(`--format` alone)"
        lines.append(f"| `{name}` | {suffixes} | {(reporter.__doc__ or '').splitlines()[0]} |")
    return "\n".join(lines)


def options() -> str:
    """What `diagnose run --help` prints."""
    told = CliRunner().invoke(commands, ["run", "--help"], prog_name="diagnose", terminal_width=100)
    return f"```\n{told.output.rstrip()}\n```"


@pytest.mark.parametrize("part", [rules, formats, options])
def test_part_is_what_the_code_says(part, request):
    marks = f"<!-- {part.__name__}: generated -->\n", f"\n<!-- end of {part.__name__} -->"
    text = README.read_text(encoding="utf-8")
    found = re.search(f"{re.escape(marks[0])}(.*?){re.escape(marks[1])}", text, re.DOTALL)
    assert found, f"README.md has no part between {marks[0].strip()} and {marks[1].strip()}"
    if request.config.getoption("--update-golden"):
        text = text[: found.start(1)] + part() + text[found.end(1) :]
        README.write_text(text, encoding="utf-8")
        return
    assert found[1] == part(), "run pytest tests/test_readme.py --update-golden"


def test_every_command_is_told():
    text = README.read_text(encoding="utf-8")
    missing = [name for name in commands.list_commands(None) if f"diagnose {name}" not in text]  # type: ignore[arg-type]
    assert missing == []


def test_ways_to_train_are_held_by_tests_that_exist() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", README.read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, test in named:
        source = (Path(__file__).parent / "observe" / file).read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file}::{test}"
