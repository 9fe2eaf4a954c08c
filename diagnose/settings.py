"""Settings of the rules: the nearest pyproject.toml, then the command line.

    [tool.diagnose]
    ignore = ["unnormalized-inputs", "dead-units:net.3", "adversarial"]

    [tool.diagnose.vanishing-gradients]
    ratio = 1e-4

They are read, and refused, before the user's program starts. Nothing that the program may want to import itself is imported
for it: rules and their thresholds are read off their files.
"""

from __future__ import annotations

import ast
import difflib
import math
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from diagnose.errors import UsageError

UNREAD = object()  # a default that is no literal: its type is not checked here
KINDS = {float: "a number", int: "a whole number", bool: "true or false", str: "a text", tuple: "a list"}


@dataclass(frozen=True)
class Settings:
    """Which rules speak, and with which thresholds.

    `select` and `ignore` hold names of rules, of families, or `rule:layer.path`; an empty `select` means every rule.
    `origin` says where each setting comes from, by "rule.threshold", "select:name" or "ignore:name".
    """

    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # rule -> threshold -> value
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)

    def silences(self, rule: str, family: str) -> str | None:
        """Where it says that the whole rule is not to speak; None when it may."""
        for name in (rule, family):
            if name in self.ignore:
                return self.origin.get(f"ignore:{name}", "settings")
        if self.select and not any(entry.split(":", 1)[0] in (rule, family) for entry in self.select):
            return "not selected"
        return None

    def facts(self) -> dict[str, Any]:
        """As plain values, to be kept in the run."""
        return {
            "thresholds": {rule: dict(values) for rule, values in self.thresholds.items()},
            "select": list(self.select),
            "ignore": list(self.ignore),
            "origin": dict(self.origin),
        }


def read(
    folder: Path | None,
    *,
    sets: Sequence[tuple[str, str]] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    kept: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings in force; later ones win: pyproject.toml, those kept in a run, the command line.

    Args:
        folder: the program's; the nearest pyproject.toml with a table [tool.diagnose] from here upwards is read.
            Without a folder (a run from elsewhere), everything kept in the run holds.
        sets: pairs like ("vanishing-gradients.ratio", "1e-4"), values as typed.
        select: replaces what the file selects, and lifts the file's ignoring of the same name.
        ignore: added to what the file ignores.
        kept: what `Settings.facts` gave when the run was recorded. Beside a pyproject.toml that can be read now, only
            what came from the command line is taken from it.

    Raises:
        UsageError: an unknown rule, family or threshold, with the nearest one; a value of the wrong type; no TOML.
    """
    file = _nearest(folder) if folder is not None else None
    made = _from_table(*file) if file else Settings()
    if kept:
        made = _over(made, _from_kept(kept, whole=folder is None))
    return _over(made, _from_command_line(sets, select, ignore))


@cache
def rules_known() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Family and thresholds (name: default, `UNREAD` where it is no literal) of every rule, read off the files."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for file in sorted(Path(__file__).with_name("rules").glob("*/*.py")):
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.FunctionDef) and node.name == file.stem and any(map(_is_rule, node.decorator_list)):
                pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                found[file.stem.replace("_", "-")] = file.parent.name, {a.arg: _literal(d) for a, d in pairs}
    return found


def _is_rule(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "rule"


def _literal(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node) if node is not None else UNREAD
    except ValueError:
        return UNREAD


# The three places that settings come from


def _nearest(folder: Path) -> tuple[Path, Mapping[str, Any]] | None:
    """The first pyproject.toml upwards that speaks of us, and what it says."""
    folder = Path(os.path.abspath(folder))
    for file in (above / "pyproject.toml" for above in (folder, *folder.parents)):
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError:  # none here, or none for us
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"expected TOML in {file}, found: {error}") from None
        table = document.get("tool", {})
        if isinstance(table, Mapping) and "diagnose" in table:
            if not isinstance(table["diagnose"], Mapping):
                raise UsageError(f"expected a table [tool.diagnose] in {file}, found {table['diagnose']!r}")
            return file, table["diagnose"]
    return None


def _from_table(file: Path, table: Mapping[str, Any]) -> Settings:
    where = _from_here(file)
    thresholds: dict[str, dict[str, Any]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for key, value in table.items():
        if key in ("select", "ignore"):
            if not (isinstance(value, list) and all(isinstance(name, str) for name in value)):
                raise UsageError(f"expected a list of names for {key} in {where}, found {value!r}")
            names[key] = _names(value, f"{key} in {where}")
            continue
        if key not in rules_known():
            nearest = _nearest_name(key, [*rules_known(), "select", "ignore"])
            raise UsageError(
                f"expected a rule, select or ignore in [tool.diagnose] of {where}, found {key!r}; {nearest}"
            )
        if not isinstance(value, Mapping):
            raise UsageError(f"expected a table [tool.diagnose.{key}] of thresholds in {where}, found {value!r}")
        thresholds[key] = {name: _checked(key, name, given, where) for name, given in value.items()}
    return _settings(thresholds, names.get("select", ()), names.get("ignore", ()), where)


def _from_command_line(sets: Sequence[tuple[str, str]], select: Sequence[str], ignore: Sequence[str]) -> Settings:
    thresholds: dict[str, dict[str, Any]] = {}
    for key, text in sets:
        rule, _, name = key.partition(".")
        check_rule(rule, "--set")
        thresholds.setdefault(rule, {})[name] = _checked(rule, name, _value(text), "--set")
    made = _settings(thresholds, (), (), "--set")
    picked, ignored = _names(select, "--select"), _names(ignore, "--ignore")
    origin = {f"select:{name}": "--select" for name in picked} | {f"ignore:{name}": "--ignore" for name in ignored}
    return Settings(made.thresholds, picked, ignored, {**made.origin, **origin})


def _from_kept(kept: Mapping[str, Any], *, whole: bool) -> Settings:
    """Settings of a recorded run; names that this version does not know any more are left out."""
    origin = dict(kept.get("origin") or {})

    def holds(key: str) -> bool:
        return whole or str(origin.get(key, "--set")).startswith("--")

    thresholds = {
        rule: {
            name: value for name, value in values.items() if name in rules_known()[rule][1] and holds(f"{rule}.{name}")
        }
        for rule, values in (kept.get("thresholds") or {}).items()
        if rule in rules_known()
    }
    select, ignore = (
        tuple(n for n in kept.get(kind) or () if n.split(":", 1)[0] in _entries() and holds(f"{kind}:{n}"))
        for kind in ("select", "ignore")
    )
    thresholds = {rule: values for rule, values in thresholds.items() if values}
    return Settings(thresholds, select, ignore, {key: text for key, text in origin.items() if holds(key)})


def _over(below: Settings, above: Settings) -> Settings:
    """Both, where the one above wins."""
    thresholds = {
        rule: {**below.thresholds.get(rule, {}), **above.thresholds.get(rule, {})}
        for rule in dict.fromkeys([*below.thresholds, *above.thresholds])
    }
    ignore = dict.fromkeys([*(n for n in below.ignore if n not in above.select), *above.ignore])
    return Settings(thresholds, above.select or below.select, tuple(ignore), {**below.origin, **above.origin})


def _settings(
    thresholds: Mapping[str, Mapping[str, Any]], select: tuple[str, ...], ignore: tuple[str, ...], where: str
) -> Settings:
    keys = [f"{rule}.{name}" for rule, values in thresholds.items() for name in values]
    keys += [f"select:{name}" for name in select] + [f"ignore:{name}" for name in ignore]
    return Settings(thresholds, select, ignore, dict.fromkeys(keys, where))


def _from_here(file: Path) -> str:
    """The path from the current folder where it lies inside."""
    try:
        return str(file.relative_to(Path.cwd()))
    except (OSError, ValueError):  # the current folder was deleted; the file lies elsewhere
        return str(file)


# Names and values


def _entries() -> list[str]:
    """What select and ignore may name before a colon."""
    return [*rules_known(), *dict.fromkeys(family for family, _ in rules_known().values())]


def _names(given: Iterable[str], where: str) -> tuple[str, ...]:
    """The names, which may also be separated by commas."""
    names = [name.strip() for part in given for name in part.split(",") if name.strip()]
    for name in names:
        known = name.split(":", 1)[0]
        if known not in _entries():
            nearest = _nearest_name(known, _entries())
            raise UsageError(f"expected a rule or a family of rules for {where}, found {known!r}; {nearest}")
    return tuple(dict.fromkeys(names))


def check_rule(rule: str, where: str = "") -> None:
    """Raises a UsageError that has the nearest name when there is no such rule."""
    if rule not in rules_known():
        place = f" for {where}" if where else ""
        raise UsageError(f"expected a rule{place}, found {rule!r}; {_nearest_name(rule, list(rules_known()))}")


def _nearest_name(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.replace("_", "-"), known, 1, cutoff=0.0)
    return f"the nearest is {close[0]!r}" if close else "there is none"


def _value(text: str) -> Any:
    """A value as TOML writes it; what is no TOML is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        try:
            return float(text)  # .5 is a number to everybody but TOML
        except ValueError:
            return text


def _checked(rule: str, name: str, value: Any, where: str) -> Any:
    """The value in the type of the threshold's default."""
    thresholds = rules_known()[rule][1]
    if name not in thresholds:
        known = list(thresholds)
        hint = _nearest_name(name.replace("-", "_"), known) if known else f"{rule} has none"
        raise UsageError(f"expected a threshold of {rule} for {where}, found {name!r}; {hint}")
    default = thresholds[name]
    if default is UNREAD or default is None:
        return tuple(value) if isinstance(value, list) else value
    kind = type(default)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        return float(value)
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if kind is not float and type(value) is kind:
        return value
    raise UsageError(f"expected {KINDS.get(kind, kind.__name__)} for {rule}.{name} ({where}), found {value!r}")
