from __future__ import annotations

from collections.abc import Iterator

from diagnose.explanation import Explanation
from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.attribution.skill import explanations, source_of
from diagnose.run import Training


@rule(needs=("explanations",))
def input_ignored(
    training: Training, *, change: float = 0.02, noise: float = 3.0, cost: float = 0.02, min_samples: int = 32
) -> Iterator[Finding]:
    """The network answers the same whatever one of its inputs says.

    What it does:
        Exchanges each input as a whole between samples. Speaks when the outputs then change by less than `change` of their
        own spread and the loss by less than `cost` of itself or `noise` standard errors.

    Why is this bad:
        An input that was given for a reason does nothing: it is cut off by a mistake (an unused argument, a mask, dead
        units), drowned by another input of larger numbers, or says nothing.

    Fix:
        Follow the input through forward: is it used, is its scale like the others', does a gradient reach its layers?

    Known problems:
        An input that is the same for all samples cannot be exchanged; it counts as ignored.

    Example:
        `def forward(self, image, age): return self.head(self.body(image))`

    References:
        Breiman 2001, permutation importance, https://doi.org/10.1023/A:1010933404324; Fisher et al. 2019, model reliance,
        https://jmlr.org/papers/v20/18-760.html. 0.02: an input in use was measured to
        move the outputs by 0.9 of their spread and more (`tests/benchmarks/attribution_gaps.py`); one that is cut off moves nothing.
    """
    for explanation in explanations(training):
        if explanation.count < min_samples:
            continue
        for given in explanation.inputs:
            one = explanation.intervention("shuffled", given.id)
            if one is None or not one.output_change < change:
                continue
            dearer = one.loss - explanation.loss
            limit = max(noise * one.noise, cost * abs(explanation.loss))
            if not dearer <= limit:
                continue
            alone = "its only input" if len(explanation.inputs) == 1 else f"one of its {len(explanation.inputs)} inputs"
            yield Finding(
                message=f"{given.id}, {alone}, is ignored: exchanged between samples it changes the outputs by "
                f"{one.output_change:.2g} of their spread, limit {change:g}",
                places=(given.id,),
                evidence=(
                    Evidence("output_change", given.id, None, one.output_change, "below", change, "share", "share of the outputs' spread"),
                ),
                severity="error" if len(explanation.inputs) == 1 else "warning",
                confidence=0.9,
                fix=Fix(_cure(explanation, given.id)),
                source=source_of(training, explanation),
            )


def _cure(explanation: Explanation, id: str) -> str:
    if len(explanation.inputs) == 1:
        return "the network answers with a constant: look for dead or saturated layers, or a path that does not use the input"
    return f"follow {id} through forward: is it used at all, and are its numbers of the same size as the other inputs'?"
