from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.signs import chance_loss, per_sample
from diagnose.run import Training

NOT_ASKED = ("gan", "reinforcement", "unknown")


@rule(needs=("losses",), symptoms=("overtraining",))
def no_validation(
    training: Training, *, carried_over: float = 0.5, looks: int = 2, min_epochs: int = 3, min_steps: int = 100
) -> Iterator[Finding]:
    """Nobody looks at held-out data while the network trains.

    What it does:
        Notes a training of at least `min_epochs` epochs in which fewer than `looks` passes over held-out data were
        seen. It is a warning where the one pass at the end shows the harm: less than `carried_over` of what the
        network learnt on its training data (against a constant prediction) holds for the others.

    Why is this bad:
        Without held-out data learning and memorising look alike, and nothing tells when to stop.

    Fix:
        Set a fifth of the data aside and evaluate on it after every epoch.

    Known problems:
        A training whose epochs are unknown is only judged where a pass at its end was seen. Validation done in a
        process or with a function that cannot be observed counts as none.

    Example:
        `diagnose run tests/challenges/gh-nobody-looks/faulty.py`

    References:
        Goodfellow, Bengio & Courville 2016, Deep Learning, section 5.3 and 7.8.
    """
    if training.kind in NOT_ASKED or training.steps < min_steps:
        return
    seen = sum(len(e) for e in training.evaluations if not e.trained_on > 0.999)
    if seen >= looks:
        return
    harm = _harm(training, carried_over)
    if harm is not None:
        yield harm
        return
    if seen or len(training.epochs) < min_epochs:
        return
    if any(site.arguments.get("hand_written") for site in training.training_losses):
        return  # a loss written by hand is not seen where it evaluates
    yield Finding(
        message=f"no held-out data were evaluated in {len(training.epochs)} epochs ({training.steps} steps)",
        places=(training.training_losses[0].id,),
        evidence=(
            Evidence(
                "evaluation_loss", None, (0, training.steps - 1), float(seen), "below", float(looks), "passes", "number"
            ),
        ),
        severity="note",
        confidence=0.7,
        steps=(0, training.steps - 1),
        fix=_FIX,
        source=training.training_losses[0].source,
    )


_FIX = Fix(
    "set a fifth of the samples aside, and evaluate on them after every epoch",
    "train, val = torch.utils.data.random_split(data, [0.8, 0.2])",
)


def _harm(training: Training, carried_over: float) -> Finding | None:
    """What one pass at the end shows, measured by what the network learnt on its training data."""
    for pair in trend.pairs(training, passes=1):
        chance = chance_loss(training, pair.site)
        late = pair.training.values[-max(5, len(pair.training) // 10) :]
        reached = per_sample(training, pair.site, float(np.mean(late)))
        _, losses = trend.finite_passes(pair.evaluation)
        if not pair.comparable_levels or not chance > reached:
            continue
        share = (chance - float(losses[-1])) / (chance - reached)
        if chance - reached < 0.5 * chance or not share < carried_over:
            continue
        return Finding(
            message=f"{pair.evaluation.name} was evaluated once, at the end: its loss is {losses[-1]:.3g}, "
            f"that of training {reached:.3g}, so {max(share, 0.0):.0%} of what was learnt holds there",
            places=(pair.evaluation.id,),
            evidence=(
                Evidence(
                    "evaluation_loss",
                    pair.evaluation.id,
                    (0, training.steps - 1),
                    share,
                    "below",
                    carried_over,
                    "share",
                    "gain there / gain in training",
                ),
            ),
            severity="warning",
            confidence=0.75,
            steps=(0, training.steps - 1),
            fix=_FIX,
            source=pair.evaluation.site.source,
        )
    return None
