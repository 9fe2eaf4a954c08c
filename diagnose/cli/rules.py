"""`diagnose rules`: what is looked for, and with which thresholds."""

from __future__ import annotations

import sys
import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose import settings
from diagnose.cli import _outputs
from diagnose.cli._judging import judging_options

if TYPE_CHECKING:
    from diagnose.rules import Rule

NARROWEST_TITLE = 30  # columns; where fewer are left beside the names, titles stand under them


@click.command(short_help="List the rules, or explain one.")
@judging_options
@click.argument("name", required=False)
def rules(
    name: str | None, sets: tuple[tuple[str, str], ...], select: tuple[str, ...], ignore: tuple[str, ...]
) -> None:
    """List what is looked for, by family; with NAME, explain that rule and show its thresholds in force here."""
    from diagnose.rules import all_rules

    in_force = settings.read(Path.cwd(), sets=sets, select=select, ignore=ignore)
    if name is None:
        text = _table(list(all_rules().values()), in_force, _outputs.width(sys.stdout))
    else:
        settings.check_rule(name)
        text = _page(all_rules()[name], in_force)
    click.echo(text, nl=False)


def _table(every: list[Rule], in_force: settings.Settings, width: int) -> str:
    """One line a rule under its family; a rule that settings silence is marked."""
    longest = max((len(rule.name) for rule in every), default=0)
    column = longest + 4
    if width - column < NARROWEST_TITLE:
        column = 6  # under the name
    lines = []
    for family, members in groupby(every, key=lambda rule: rule.family):
        lines.append(f"{family}:")
        for rule in members:
            silenced = " (ignored here)" if in_force.silences(rule.name, rule.family) else ""
            title = textwrap.wrap(rule.title + silenced, max(width - column, NARROWEST_TITLE))
            name = f"  {rule.name}"
            lines += [name] if column == 6 else [f"{name:{column}}{title.pop(0)}"]
            lines += [" " * column + line for line in title]
    return "\n".join([*lines, "", "Explain one: diagnose rules NAME", ""])


def _page(rule: Rule, in_force: settings.Settings) -> str:
    """The rule's documentation, then its thresholds and where each comes from."""
    head = f"{rule.name} ({rule.family})"
    lines = [head, "=" * len(head), "", rule.documentation.rstrip(), "", "Thresholds:"]
    for name, default in rule.thresholds.items():
        value = in_force.thresholds.get(rule.name, {}).get(name, default)
        origin = in_force.origin.get(f"{rule.name}.{name}")
        said = f"{origin}; default {default}" if origin else "default"
        lines.append(f"    {name} = {value}  ({said})")
    if not rule.thresholds:
        lines.append("    none")
    if rule.symptoms:
        symptoms = textwrap.wrap(", ".join(rule.symptoms), 100, break_on_hyphens=False)
        lines += ["", "Symptoms that are folded under it:", *(f"    {line}" for line in symptoms)]
    if rule.kinds:
        lines += ["", f"Only for trainings of kind: {', '.join(rule.kinds)}"]
    silenced = in_force.silences(rule.name, rule.family)
    if silenced:
        lines += ["", f"Ignored here: {silenced}"]
    example = next(iter(rule.thresholds.items()), None)
    if example:
        lines += ["", f"Change one: --set {rule.name}.{example[0]}={example[1]}, or in pyproject.toml:"]
        lines += [f"    [tool.diagnose.{rule.name}]", f"    {example[0]} = {_toml(example[1])}"]
    return "\n".join([*lines, ""])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else repr(value)
