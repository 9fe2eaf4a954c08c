from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.cost.growth import growth
from diagnose.run import Training


@rule(needs=("backward_seconds",), symptoms=("memory-growth", "exploding-gradients", "data-loading-bottleneck"))
def accumulated_graph(
    training: Training,
    *,
    slower: float = 2.5,
    share: float = 0.1,
    megabytes: float = 32.0,
    graphs: int = 12,
    min_snapshots: int = 6,
) -> Iterator[Finding]:
    """Losses or states are kept with the graph that computed them.

    What it does:
        Reports a backward that takes `slower` times as long or more at the end, growing steadily with the steps: each
        one runs through all the graphs before it. Reports `graphs` or more losses of earlier steps or passes whose
        graphs the program still holds. Also reports memory that grows (as in memory-growth) in a program that
        evaluates without `torch.no_grad()`: what is summed up there keeps every batch's graph alive.

    Why is this bad:
        A tensor that was computed with gradients holds all the activations that made it. Kept in a list, a sum, or as
        the state of a recurrent network, they pile up until memory is full; a backward through them costs more every
        step.

    Fix:
        `total += loss.item()`; `state = state.detach()` between chunks; `with torch.no_grad():` around evaluation.

    Known problems:
        A sequence that grows longer on purpose (a curriculum) slows the backward as well.

    Example:
        `total_loss = total_loss + criterion(model(x), y)` in an evaluation without `no_grad`

    References:
        PyTorch FAQ, "Don't accumulate history across your training loop",
        https://docs.pytorch.org/docs/stable/notes/faq.html. 12: a program that drops its losses holds one or two, one
        that adds up a few before it takes their number holds a handful. 2.5: the median backward of 155 healthy
        trainings changed by at most 2.1 times from the first third to the last, on a machine with other work to do.
    """
    slow = growth(training.series("backward_seconds"), least=30, skip=0.1, rank=0.8)
    if slow is not None and slow.end > slower * slow.start:
        yield Finding(
            message=f"backward took {slow.start * 1e3:.2g} ms at first and {slow.end * 1e3:.2g} ms at the end: "
            "it runs through "
            "the graphs of earlier steps",
            places=("backward",),
            evidence=(
                Evidence(
                    "backward_seconds",
                    None,
                    slow.steps,
                    slow.end,
                    "above",
                    slower * slow.start,
                    "s",
                    "median of the last third",
                ),
            ),
            severity="error",
            confidence=0.85,
            steps=slow.steps,
            fix=Fix("detach what is carried from step to step", "state = tuple(s.detach() for s in state)"),
        )
        return
    alive = training.series("graphs_kept").finite()
    if len(alive) and np.max(alive.values) >= graphs:
        most = float(np.max(alive.values))
        at = int(alive.steps[int(np.argmax(alive.values))])
        site = next((e.site for e in training.evaluations if e.grad_enabled), None) or next(
            iter(training.training_losses), None
        )
        yield Finding(
            message=f"{most:.0f} earlier losses were still held with their graphs at step {at}, limit {graphs}",
            places=(site.id if site is not None else "loss",),
            evidence=(Evidence("graphs_kept", None, (at, at), most, "above", graphs - 0.5, "graphs", "largest"),),
            severity="error",
            confidence=0.9,
            steps=(at, int(alive.steps[-1])),
            fix=Fix(
                "keep numbers instead of losses, and evaluate under torch.no_grad()",
                "total += loss.item()",
            ),
            source=site.source if site is not None else None,
        )
        return
    kept = [e for e in training.evaluations if len(e) and e.grad_enabled]
    for evaluation in kept:
        gained = evaluation.memory_growth
        if gained is None or np.isfinite(gained).sum() < 3 or np.nanmedian(gained) < megabytes * 2**20:
            continue
        within = float(np.nanmedian(gained))
        yield Finding(
            message=f"memory grows by {within / 2**20:.0f} MB within each pass of {evaluation.name}, which "
            "runs with gradients: the "
            "graphs of all its batches are kept",
            places=(evaluation.id,),
            evidence=(
                Evidence(
                    "memory_growth",
                    evaluation.id,
                    None,
                    within,
                    "above",
                    megabytes * 2**20 * (1 - 1e-9),
                    "byte",
                    "median pass",
                ),
            ),
            severity="error",
            confidence=0.9,
            fix=Fix(
                f"evaluate {evaluation.name} under torch.no_grad(), keep numbers, detach carried states",
                "with torch.no_grad():\n    total += criterion(model(x), y).item()",
            ),
            source=evaluation.site.source,
        )
        return
    grown = growth(training.series("memory_bytes"), least=min_snapshots)
    least = max(share * grown.start, megabytes * 2**20) if grown else 0.0
    if not kept or grown is None or grown.gained < least:
        return
    evaluation = max(kept, key=len)
    yield Finding(
        message=f"memory grew from {grown.start / 2**20:.0f} to {grown.end / 2**20:.0f} MB while "
        f"{evaluation.name} is evaluated "
        f"with gradients ({len(evaluation)} times): its graphs are kept",
        places=(evaluation.id,),
        evidence=(
            Evidence(
                "memory_bytes",
                None,
                grown.steps,
                grown.end,
                "above",
                (grown.start + least) * (1 - 1e-9),
                "byte",
                "median of the last third",
            ),
        ),
        severity="error",
        confidence=0.85,
        steps=grown.steps,
        fix=Fix(
            f"evaluate {evaluation.name} under torch.no_grad() and keep numbers",
            "with torch.no_grad():\n    total += criterion(model(x), y).item()",
        ),
        source=evaluation.site.source,
    )
