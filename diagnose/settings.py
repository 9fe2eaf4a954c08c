"""Settings of the rules: the nearest pyproject.toml, then the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
