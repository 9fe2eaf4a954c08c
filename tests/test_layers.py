"""Imports flow one way, and a stored run is judged without torch."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from importlinter.cli import lint_imports_command

PROJECT = Path(__file__).parent.parent

BROKEN = """
[tool.importlinter]
root_package = "diagnose"

[[tool.importlinter.contracts]]
name = "a report knows no findings"
type = "forbidden"
source_modules = ["diagnose.report"]
forbidden_modules = ["diagnose.finding"]
"""


def linted(contracts: Path) -> Result:
    return CliRunner().invoke(lint_imports_command, ["--config", str(contracts), "--no-cache"])


def test_every_contract_is_kept() -> None:
    told = linted(PROJECT / "pyproject.toml")
    assert told.exit_code == 0, told.output
    assert "4 kept, 0 broken" in told.output


def test_a_broken_contract_is_seen(tmp_path: Path) -> None:
    (tmp_path / "contracts.toml").write_text(BROKEN)
    assert linted(tmp_path / "contracts.toml").exit_code == 1


def loads_torch(statement: str) -> bool:
    """Whether a fresh Python has torch after this statement."""
    code = f"{statement}\nimport sys\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


@pytest.mark.parametrize(
    "module",
    ["diagnose", "diagnose.cli", "diagnose.cli.run", "diagnose.cli.explain", "diagnose.explanation", "diagnose.judge", "diagnose.launch",
     "diagnose.report"],
)  # fmt: skip
def test_module_leaves_torch_unimported(module: str) -> None:
    assert not loads_torch(f"import {module}")


def test_all_rules_leave_torch_unimported() -> None:
    assert not loads_torch("from diagnose.rules import all_rules\nassert all_rules()")


def test_the_test_can_fail() -> None:
    assert loads_torch("import diagnose.observe.session")
