from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import InputSite, Training

_FIX = Fix(
    "fill the missing values before training: by the column's mean of the training part, or drop the rows; and divide no "
    "column by a spread of 0",
    "x = torch.where(torch.isfinite(x), x, x_train.nanmean(dim=0))",
)


@rule(
    needs=("losses",),
    symptoms=(
        "non-finite-values",
        "constant-features",
        "diverging-loss",
        "loss-not-decreasing",
        "underfitting",
        "exploding-gradients",
        "constant-output",
        "learning-rate-too-high",
        "dead-units",
        "unnormalized-inputs",
        "stopped-too-early",
    ),
)
def non_finite_inputs(training: Training) -> Iterator[Finding]:
    """The network is fed NaN or infinity.

    What it does:
        Reports every input of the network in which a value was NaN or infinite. It is an error where the loss, a
        gradient or a parameter became non-finite too, else a note. Nothing is said where one of those, or an output,
        was non-finite in an earlier step: then the program feeds the network with what it made of the data itself, as
        with the state of a recurrent network. Where no module is called, the first operation that was given NaN says so.

    Why is this bad:
        One NaN in a batch makes the loss NaN, the loss every gradient, and the gradients every weight: from then on
        the network answers NaN for ever.

    Fix:
        Fill or drop the missing values before training, by figures of the training part.

    Known problems:
        Masks that hold minus infinity on purpose are inputs too: with everything else finite they are only noted.

    Example:
        `pandas.read_csv(...)` with empty cells, straight into a tensor

    References:
        IEEE 754: every arithmetic operation on NaN gives NaN.
    """
    harmed = any(e.kind == "non-finite" and e.details.get("what") != "input" for e in training.events)
    bad = harmed or signs.lost(training, training.series("loss"))
    sites = {site.id: site for site in training.inputs}
    places = training.places("input_non_finite_share")
    if not places:
        yield from _by_operation(training)
    for place in places:
        share = training.series("input_non_finite_share", place).finite()
        hit = np.flatnonzero(share.values > 0)
        if len(hit) and not _made_here(training, int(share.steps[hit[0]])):
            yield _finding(
                training, place, sites.get(place), share.steps[hit[0]], float(share.values.max()), share.span, bad
            )


def _by_operation(training: Training) -> Iterator[Finding]:
    """Data that bare tensors were multiplied with, as the first loss that was no number showed."""
    for event in training.events:
        if event.kind != "non-finite" or event.details.get("what") != "input" or event.step is None:
            continue
        site = next(iter(training.training_losses), None)
        yield Finding(
            message=f"the data hold {event.details.get('value', 'nan')} at step {event.step}, when they come into "
            f"{event.details.get('operation', 'the network')}",
            places=("input",),
            evidence=(Evidence("input", None, (event.step, event.step), float("nan"), "outside", (-3.5e38, 3.5e38), None, "first"),),
            severity="error",
            confidence=0.95,
            steps=(event.step, max(event.step, training.steps - 1)),
            fix=_FIX,
            source=site.source if site is not None else None,
        )
        return


def _made_here(training: Training, first: int) -> bool:
    """Whether something else than an input was non-finite in a step before (-inf apart, of which masks are made)."""
    events = (e for e in training.events if e.kind == "non-finite" and e.details.get("what") != "input")
    return any(e.step is not None and e.step < first and e.details.get("value") != "-inf" for e in events)


def _finding(
    training: Training,
    place: str,
    site: InputSite | None,
    first: np.int64,
    share: float,
    seen: tuple[int, int] | None,
    bad: bool,
) -> Finding:
    return Finding(
        message=f"input {place} holds NaN or infinity from step {first} on: up to {share:.2%} of a batch",
        places=(place,),
        evidence=(Evidence("input_non_finite_share", place, seen, share, "above", 0.0, statistic="max"),),
        severity="error" if bad else "note",
        confidence=0.98 if bad else 0.6,
        steps=(int(first), max(int(first), training.steps - 1)),
        fix=_FIX,
        source=site.source if site is not None else None,
    )
