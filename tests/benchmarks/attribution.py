"""How often the strongest attribution is right where the truth is known: by method, by captum called by hand, by chance.

    python tests/benchmarks/attribution.py          # three seeds, tables; --readme writes them into the README

By hand means captum as its tutorials call it: a baseline of zeros, the predicted class, nothing checked.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from truths import TRUTHS, Truth

import diagnose
from diagnose.observe.explain.budget import Budget
from diagnose.observe.explain.calls import Loss, Output, Row, call_of
from diagnose.observe.explain.choice import choose, plane_layer
from diagnose.observe.explain.kinds import settle
from diagnose.observe.explain.measure import unchanged
from diagnose.observe.explain.methods import WAYS, Work
from diagnose.observe.explain.subject import Subject


def share_right(maps: Tensor, right: Tensor) -> float:
    """Share of samples whose place of the largest magnitude is a right one; ties count by their share."""
    size = maps.flatten(1).abs()
    top = size == size.amax(1, keepdim=True)
    return float(((top & right.flatten(1)).sum(1) / top.sum(1)).double().mean())


def ours(truth: Truth) -> dict[str, float]:
    """By method that `diagnose` chooses, the one that findings rest on first."""
    call = call_of(truth.model, (truth.inputs[:2],), {}, None)
    assert not isinstance(call, str)
    rows = [Row([x], y) for x, y in zip(truth.inputs, truth.targets, strict=True)]
    subject = Subject(truth.model, call[0], Output(), Loss(truth.loss.__name__, truth.loss), rows, "net")
    settle(subject)
    with unchanged():
        predictions = subject.predict(torch.arange(len(subject))).detach()
        work = Work(subject, Budget(subject), subject.chosen(predictions), plane_layer(subject))
        told = {}
        for choice in choose(subject):
            if choice.refused is None:
                (maps,) = WAYS[choice.name](work, truth.rows)
                told[choice.name] = share_right(subject.inputs[0].reduced(maps.detach()), truth.right[truth.rows])
    return told


def by_hand(truth: Truth) -> dict[str, float]:
    """Captum's integrated gradients and saliency with their defaults."""
    from captum.attr import IntegratedGradients, LayerIntegratedGradients, Saliency

    x, right = truth.inputs[truth.rows], truth.right[truth.rows]
    rebuilds = truth.targets.is_floating_point() and truth.targets.shape == truth.inputs.shape

    def forward(values: Tensor) -> Tensor:
        out = truth.model(values)
        return (out - values).square().mean(1) if rebuilds else out

    target = None if rebuilds or truth.model(x[:1]).shape[-1] == 1 else truth.model(x).argmax(1)
    if not x.is_floating_point():
        layer = next(m for m in truth.model.modules() if isinstance(m, nn.Embedding))
        maps = LayerIntegratedGradients(truth.model, layer).attribute(x, torch.zeros_like(x), target=target).sum(-1)
        return {"integrated gradients by hand": share_right(maps, right)}
    return {
        "integrated gradients by hand": share_right(IntegratedGradients(forward).attribute(x, target=target), right),
        "saliency by hand": share_right(Saliency(forward).attribute(x.clone().requires_grad_(), target=target), right),
    }


def measured(seeds: int = 3) -> dict[str, dict[str, float]]:
    """Means over seeds, by truth and method."""
    found: dict[str, dict[str, list[float]]] = {}
    for make in TRUTHS:
        for seed in range(seeds):
            truth = make(seed)
            into = found.setdefault(truth.name, {})
            chance = float(truth.right[truth.rows].flatten(1).double().mean())
            for name, value in {**ours(truth), **by_hand(truth), "chance": chance}.items():
                into.setdefault(name, []).append(value)
    return {name: {method: float(np.mean(values)) for method, values in told.items()} for name, told in found.items()}


def untrained(seeds: int = 3) -> dict[str, tuple[int, int]]:
    """Of the same networks with their weights drawn anew, and as they are trained: how many fail each check of what was learnt."""
    told = {f"{state}, {check}": [0, 0] for state in ("untrained", "trained") for check in ("learnt", "randomisation")}
    for make in TRUTHS[1:]:  # the first has its weights by hand
        for seed in range(seeds):
            truth = make(seed)
            fresh = copy.deepcopy(truth.model)
            for part in fresh.modules():
                if callable(reset := getattr(part, "reset_parameters", getattr(part, "_reset_parameters", None))):
                    reset()
            for state, model in (("untrained", fresh), ("trained", truth.model)):
                found = diagnose.explain(model, truth.inputs[truth.rows], truth.targets[truth.rows], loss=truth.loss, seconds=5)
                for check in found.trust:
                    if (key := f"{state}, {check.name}") in told:
                        told[key][0] += not check.passed
                        told[key][1] += 1
    return {name: (failed, of) for name, (failed, of) in told.items()}


def shortcut() -> dict[str, tuple[str, str]]:
    """Of demos/convolutional.py with its mark and without: what is found first, and what the exchange of the corner costs."""
    told = {}
    demo = Path(__file__).parents[2] / "demos" / "convolutional.py"
    for name, more in (("with the mark", ()), ("mended (`--fixed`)", ("--fixed",))):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "diagnose", "run", "-q", "--explain", "-o", "out.json", str(demo)]
            subprocess.run([*command, "--problem", "shortcut-feature", *more], cwd=folder, check=True, capture_output=True)
            found = json.loads((Path(folder) / "out.json").read_text())
        first = next((f"`{one['rule']}` at {one['places'][0]}, rank {one['rank']}" for one in found["findings"]), "nothing")
        (made,) = found["explanations"]
        placed = (one for one in made["interventions"] if one["what"] == "shuffled" and "[" in one["place"])
        told[name] = first, next(f"{one['accuracy']:.1%} ({one['place']})" for one in placed)
    return told


def markdown(shares: dict[str, dict[str, float]], checks: dict[str, tuple[int, int]], demo: dict[str, tuple[str, str]]) -> str:
    """The tables of the README."""
    methods = list(dict.fromkeys(method for told in shares.values() for method in told))
    lines = ["| strongest attribution where it must be | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for name, told in shares.items():
        lines.append(f"| {name} | " + " | ".join(f"{told[m]:.1%}" if m in told else "" for m in methods) + " |")
    lines += ["", "| networks, check | fail it |", "|---|---|"]
    lines += [f"| {name} | {failed} of {of} |" for name, (failed, of) in checks.items()]
    lines += ["", "| `demos/convolutional.py --problem shortcut-feature` | found first | right with the place exchanged |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {first} | {right} |" for name, (first, right) in demo.items())])


def main() -> None:
    """Prints the tables, or writes them into the README."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    told = markdown(measured(), untrained(), shortcut())
    print(told)
    if "--readme" in sys.argv:
        readme = Path(__file__).parents[2] / "README.md"
        mark = re.compile(r"(<!-- attribution: generated -->\n).*?(<!-- end of attribution -->)", re.S)
        readme.write_text(mark.sub(lambda part: f"{part[1]}{told}\n{part[2]}", readme.read_text()))


if __name__ == "__main__":
    main()
