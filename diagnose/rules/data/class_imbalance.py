from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Training

WHOLE_STRUCTURES = ("language", "gan", "reinforcement", "contrastive", "autoencoder", "vae")


@rule(
    needs=("class_count",), symptoms=("constant-output", "underfitting", "loss-not-decreasing", "suspicious-validation")
)
def class_imbalance(
    training: Training, *, ratio: float = 10.0, above_majority: float = 0.02, min_labels: int = 200
) -> Iterator[Finding]:
    """Some classes are so rare that the network answers with the common one.

    What it does:
        Counts the labels over all snapshots (at least `min_labels`). A commonest class more than `ratio` times the
        rarest is a warning where the training accuracy at the end is no more than `above_majority` above what always
        answering the commonest class would get, else a note. Losses with class weights are left out.

    Why is this bad:
        Always answering the common class is then the easiest way to a low loss and a high accuracy; the rare classes,
        usually the ones that matter, are never learnt and the accuracy does not tell.

    Fix:
        Weights in the loss, a `WeightedRandomSampler`, or more samples of the rare class; judge by balanced accuracy.

    Known problems:
        Classes that the loss has outputs for but that never occurred are not counted. Words and adversarial labels
        are left out.

    Example:
        3 % positives in `nn.BCEWithLogitsLoss()` and an accuracy of 0.97

    References:
        He & Garcia 2009, Learning from Imbalanced Data, https://doi.org/10.1109/TKDE.2008.239. 10: SageMaker Debugger's
        ClassImbalance. 0.02: the standard error of an accuracy of 0.95 over 120 labels.
    """
    if training.kind in WHOLE_STRUCTURES:
        return
    for site in training.training_losses:
        weighted = any(site.arguments.get(key) is not None for key in ("weight", "pos_weight"))
        if not weighted and site.function in signs.CATEGORICAL + signs.BINARY:
            yield from _judge(training, site, ratio, above_majority, min_labels)


def _judge(training: Training, site: LossSite, ratio: float, margin: float, least: int) -> Iterator[Finding]:
    shares, seen = signs.class_shares(training, site), signs.labels_seen(training, site)
    present = np.flatnonzero(shares)
    if len(present) < 2 or seen < least:
        return
    top, rarest = int(shares.argmax()), int(present[shares[present].argmin()])
    times = float(shares[top] / shares[rarest])
    if times <= ratio:
        return
    right = signs.accuracy(training, site)
    stuck = right <= shares[top] + margin and right < 1 - 0.2 * (1 - float(shares[top]))
    counts = training.series("class_count", site.id)
    evidence = [Evidence("class_count", site.id, counts.span, times, "above", ratio, statistic="commonest over rarest")]
    end = ""
    if stuck:
        series = training.series("loss_accuracy", site.id)
        limit = float(shares[top]) + margin + 1e-9
        evidence.append(
            Evidence("loss_accuracy", site.id, series.span, right, "below", limit, statistic="median of the last fifth")
        )
        end = f", and the accuracy of {right:.3f} is that of always answering {top} ({shares[top]:.3f})"
    place = signs.where(site)
    weights = [float(1 / (len(present) * shares[c])) if shares[c] > 0 else 0.0 for c in range(len(shares))]
    binary = site.function in signs.BINARY
    shown = ", ".join(f"{w:.3g}" for w in weights[:20]) + (", …" if len(weights) > 20 else "")
    code = (
        f"nn.BCEWithLogitsLoss(pos_weight=torch.tensor({shares[0] / shares[1]:.3g}))"
        if binary and len(shares) == 2 and shares[1] > 0
        else f"nn.CrossEntropyLoss(weight=torch.tensor([{shown}]))"
    )
    yield Finding(
        message=f"class {top} at {place} has {shares[top]:.1%} of {seen} labels, class {rarest} "
        f"{shares[rarest]:.2%}{end}",
        places=(place,),
        evidence=tuple(evidence),
        severity="warning" if stuck else "note",
        confidence=0.8 if stuck else 0.4,
        steps=signs.span(training),
        fix=Fix("weigh the classes in the loss by the inverse of their share, or draw them evenly", code),
        source=site.source,
    )
