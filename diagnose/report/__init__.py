"""Reporters: one file each, with `SUFFIXES` and `render(diagnosis) -> str`; found by looking, registered nowhere.

Nothing here imports torch, and numpy, rich and templates only when something is rendered: the options of a command are
read before the user's program runs, and must not import what that program wants to import (or configure) itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Protocol, cast

from diagnose.finding import Diagnosis

FIGURES = ("png", "svg")  # formats of many files: what -o names is a folder then


class Reporter(Protocol):
    """A module of this package that shows a diagnosis in one format, named like the module."""

    SUFFIXES: tuple[str, ...]  # of the files written in this format, with the dot; the first is the usual one

    def render(self, diagnosis: Diagnosis) -> str:
        """The whole text, ending in a newline."""


@cache
def reporters() -> Mapping[str, Reporter]:
    """Every reporter by format."""
    found: dict[str, Reporter] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "render") and hasattr(module, "SUFFIXES"):
            found[info.name] = cast(Reporter, module)
    return found


def format_of(name: str) -> str | None:
    """The format that the suffix of a file's name stands for; None: no reporter writes such files."""
    endings = {
        suffix: form
        for form, reporter in reporters().items()
        for suffix in reporter.SUFFIXES
        if name.lower().endswith(suffix)
    }
    return endings[max(endings, key=len)] if endings else None  # x.sarif.json is SARIF
