from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.cost.growth import growth
from diagnose.run import Training


@rule(needs=("memory_bytes",), symptoms=())
def memory_growth(
    training: Training, *, share: float = 0.1, megabytes: float = 32.0, min_snapshots: int = 6
) -> Iterator[Finding]:
    """The program needs more memory with every step.

    What it does:
        Looks at the memory of the process (or device) after the first third of the training. It is reported when it
        rises in rank with the steps (Spearman above 0.9) by more than `share` of its level and `megabytes`.

    Why is this bad:
        It ends with the process being killed, often after hours.

    Fix:
        Keep numbers, not tensors: `loss.item()`, `.detach().cpu()`; clear lists and caches that grow in the loop.

    Known problems:
        Replay buffers and caches of data grow on purpose, until they are full.

    Example:
        `outputs.append(model(x).detach())` in every step

    References:
        PyTorch FAQ, "My model reports cuda runtime error(2): out of memory",
        https://docs.pytorch.org/docs/stable/notes/faq.html. 0.1 and 32 MB: of
        79 healthy programs one grew by 8.5 % (36 MB) after its first third, all others by less than 5 % (23 MB).
        0.9: Spearman's coefficient of 6 unrelated pairs exceeds
        it with p = 0.008.
    """
    if training.kind == "reinforcement":
        return
    grown = growth(training.series("memory_bytes"), least=min_snapshots)
    if grown is None or grown.gained < max(share * grown.start, megabytes * 2**20):
        return
    limit = grown.start + max(share * grown.start, megabytes * 2**20)
    yield Finding(
        message=f"memory grew from {grown.start / 2**20:.0f} to {grown.end / 2**20:.0f} MB from step "
        f"{grown.steps[0]} to "
        f"{grown.steps[1]}, {grown.per_step / 2**10:.0f} KB a step",
        places=("process",),
        evidence=(Evidence("memory_bytes", None, grown.steps, grown.end, "above", limit * (1 - 1e-9), "byte", "last"),),
        severity="warning",
        confidence=0.8,
        steps=grown.steps,
        fix=Fix("keep numbers instead of tensors in what the loop collects", "history.append(loss.item())"),
    )
