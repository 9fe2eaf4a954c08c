"""An explanation as JSON: what `diagnose explain -o FILE.json` writes, and, without the maps, a part of every diagnosis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import diagnose
from diagnose.finding import Finding
from diagnose.report.words import number, plain

if TYPE_CHECKING:
    from diagnose.explanation import Array, Check, ExplainedInput, ExplainedSample, Explanation, Method

SCHEMA = 1  # raised when a field is renamed, removed or retyped
DIGITS = 5  # significant, of a map: more are noise, and a file ten times the size


def render(explanations: Sequence[tuple[Explanation, Sequence[Finding]]]) -> str:
    """Strict JSON of a run's explanations, each with the findings on it: the first as it is, others under "others"."""
    from diagnose.report.json import strict

    first, *others = [whole(explanation, findings) for explanation, findings in explanations]
    told = {"schema": SCHEMA, "tool": {"name": "diagnose", "version": diagnose.__version__}, **first, "others": others}
    return json.dumps(strict(told), indent=1, allow_nan=False) + "\n"


def whole(explanation: Explanation, findings: Sequence[Finding]) -> dict[str, Any]:
    """Everything, with maps and samples."""
    from diagnose.report.json import of_finding

    return {
        **summary(explanation),
        "samples": [_sample(sample) for sample in explanation.samples],
        "findings": [of_finding(finding) for finding in findings],
    }


def summary(explanation: Explanation) -> dict[str, Any]:
    """What is known of the network as a whole."""
    return {
        "network": explanation.network,
        "refused": explanation.refused,
        "method": explanation.method,
        "why": explanation.why,
        "baseline": explanation.baseline,
        "task": explanation.task,
        "data": explanation.data,
        "inputs": [
            {"id": i.id, "kind": i.kind, "shape": list(i.shape), "dtype": i.dtype, "names": list(i.names)}
            for i in explanation.inputs
        ],
        "global_importance": _importance(explanation.global_importance),
        "layers": [
            {"path": layer.path, "share": layer.share, "units": layer.units, "idle_units": layer.idle}
            for layer in explanation.layers
        ],
        "trust": _checks(explanation.trust),
        "methods": [_method(method) for method in explanation.methods],
        "interventions": [
            {
                "what": one.what, "place": one.place, "loss": one.loss, "accuracy": one.accuracy,
                "output_change": one.output_change, "size": one.size, "mass": one.mass,
            }
            for one in explanation.interventions
        ],
        "loss": explanation.loss, "accuracy": explanation.accuracy, "chance_loss": explanation.chance,
        "notes": list(explanation.notes),
    }  # fmt: skip


def _importance(found: Mapping[str, Array]) -> Any:
    """Of one input the numbers themselves, in its shape; of several an object by input."""
    told = {id: _rounded(values) for id, values in found.items()}
    return next(iter(told.values())) if len(told) == 1 else told


def _method(method: Method) -> dict[str, Any]:
    return {
        "name": method.name, "why": method.why, "baseline": method.baseline, "refused": method.refused,
        "instead": method.instead, "trust": _checks(method.trust),
    }  # fmt: skip


def _checks(checks: Sequence[Check]) -> dict[str, Any]:
    return {
        check.name: {"value": check.value, "comparison": check.comparison, "limit": check.limit, "passed": check.passed}
        for check in checks
    }


def _sample(sample: ExplainedSample) -> dict[str, Any]:
    return {
        "role": sample.role, "number": sample.number, "target": sample.target, "predicted": sample.predicted,
        "explained": sample.explained, "score": sample.score, "loss": sample.loss,
        "inputs": {id: _rounded(values) for id, values in sample.inputs.items()} or None,
        "attributions": {m: {id: _rounded(v) for id, v in maps.items()} for m, maps in sample.maps.items()},
        "trust": {method: _checks(checks) for method, checks in sample.trust.items()},
    }  # fmt: skip


def _rounded(values: Array) -> Any:
    """Nested lists of numbers with few digits."""
    import numpy as np

    flat = [float(f"{value:.{DIGITS}g}") for value in np.ravel(values).tolist()]
    return np.array(flat).reshape(np.shape(values)).tolist()


def in_words(explanations: Sequence[tuple[Explanation, Sequence[Finding]]], most: int = 8) -> str:
    """The explanations as text: method and reason, what matters most, how far it can be believed, what was found."""
    lines: list[str] = []
    for one, findings in explanations:
        if one.refused is not None:
            lines += [f"{plain(one.network)} is not explained: {plain(one.refused)}", ""]
            continue
        lines += [f"{plain(one.network)} ({plain(one.task)}) by {one.method}: {one.why}", f"  on {plain(one.data)}"]
        lines += [f"  absent at {plain(given.id)} ({given.kind}): {plain(given.baseline)}" for given in one.inputs]
        lines += [f"  note: {plain(note)}" for note in one.notes]
        for given in one.inputs:
            if given.id in one.global_importance:
                lines.append(f"  most at {plain(given.id)}: {', '.join(_most(one.global_importance[given.id], given, most))}")
        for method in one.methods:
            if method.refused is not None:
                lines.append(f"  {method.name}: refused, {plain(method.refused)}; use {method.instead}")
                continue
            told = ", ".join(f"{c.name} {number(c.value, 2)}{'' if c.passed else ' (failed)'}" for c in method.trust)
            lines.append(f"  {method.name}: {'all checks passed' if all(c.passed for c in method.trust) else 'FAILED'}: {told}")
        lines += [f"  {finding.severity}[{finding.rule}]: {plain(finding.message)}" for finding in findings]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _most(values: Array, given: ExplainedInput, most: int) -> list[str]:
    """Places with the highest importance, each with its share of all."""
    import numpy as np

    flat = np.ravel(values)
    total = float(flat.sum()) or 1.0
    told = []
    for place in np.argsort(-flat, kind="stable")[:most]:
        at = np.unravel_index(int(place), np.shape(values))
        named = given.names[at[0]] if len(at) == 1 and at[0] < len(given.names) else f"[{', '.join(map(str, at))}]"
        told.append(f"{plain(named)} {flat[place] / total:.0%}")
    return told
