"""Rules: one file a rule, one folder a family; found by looking, registered nowhere."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from diagnose.finding import Finding
from diagnose.run import Training

Check = Callable[..., Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A function that looks at one training and yields findings, with what the judge must know about it."""

    name: str  # kebab-case: the file's name
    family: str  # the folder's name
    check: Check
    needs: tuple[str, ...]  # quantities without which it cannot speak; "evaluations" for an evaluation set, "ranks" for several
    symptoms: tuple[str, ...]  # rules whose findings follow from this one
    kinds: tuple[str, ...] | None  # kinds of training it applies to; None: all

    @property
    def documentation(self) -> str:
        """The docstring, dedented."""
        return inspect.getdoc(self.check) or ""

    @property
    def title(self) -> str:
        """First line of the documentation."""
        return self.documentation.split("\n", 1)[0]

    @property
    def thresholds(self) -> Mapping[str, Any]:
        """Keyword-only arguments and their defaults."""
        parameters = inspect.signature(self.check).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def __call__(self, training: Training, **thresholds: Any) -> Iterator[Finding]:
        return self.check(training, **thresholds)


def rule(
    *, needs: tuple[str, ...] = (), symptoms: tuple[str, ...] = (), kinds: tuple[str, ...] | None = None
) -> Callable[[Check], Rule]:
    """Makes a rule of the one function in a rule file; name and family come from where it stands."""

    def make(check: Check) -> Rule:
        family, module = check.__module__.rsplit(".", 2)[-2:]
        return Rule(module.replace("_", "-"), family, check, needs, symptoms, kinds)

    return make


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule by name, families and names in alphabetical order."""
    found: dict[str, Rule] = {}
    for family in pkgutil.iter_modules(__path__):
        if not family.ispkg:
            continue
        package = importlib.import_module(f"{__name__}.{family.name}")
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            made = getattr(module, info.name, None)
            if isinstance(made, Rule):
                found[made.name] = made
    return dict(sorted(found.items(), key=lambda item: (item[1].family, item[0])))
