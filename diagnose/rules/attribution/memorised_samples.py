from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.attribution.skill import explanations, source_of
from diagnose.run import Floats, Training


@rule(needs=("explanations",), symptoms=("wasted-epochs",))
def memorised_samples(
    training: Training, *, advantage: float = 0.35, gap: float = 3.0, min_samples: int = 64
) -> Iterator[Finding]:
    """The loss of a sample tells whether the network was trained on it.

    What it does:
        Compares the losses of kept training samples with those of kept samples of the evaluation, both by the network as it
        was at the end and in evaluation mode. Speaks when one threshold on the loss would tell them apart with a
        membership advantage of `advantage` (true minus false positive rate), and the mean loss on new samples is `gap`
        times that on trained ones.

    Why is this bad:
        The network has learnt its samples by heart instead of what they have in common: on new data it is far worse than
        it seems, and who has the network can find out who was in the data.

    Fix:
        More data or augmentation, weight decay, dropout, fewer epochs, a smaller network.

    Known problems:
        Samples of the evaluation that are harder than those trained on raise the figure.

    Example:
        `diagnose run --explain demos/feedforward.py --problem overfitting`

    References:
        Yeom et al. 2018, Privacy risk in machine learning, definition 4, https://arxiv.org/abs/1709.01604; Shokri et al. 2017,
        https://arxiv.org/abs/1610.05820. The limit lies in the gap measured on demos/feedforward.py: an advantage of
        0.05 to 0.14 in health and under its other troubles, 0.47 with its overfitting (600 images of each kind).
    """
    for explanation in explanations(training):
        seen, new = explanation.training_losses, explanation.losses
        seen, new = seen[np.isfinite(seen)], new[np.isfinite(new)]
        if min(len(seen), len(new)) < min_samples or explanation.task == "autoencoder":
            continue
        told, at = membership_advantage(seen, new)
        ratio = float(new.mean() / max(seen.mean(), 1e-12))
        if not (told > advantage and ratio > gap):
            continue
        place = explanation.network
        yield Finding(
            message=f"a loss under {at:.2g} tells samples of the training from new ones with an advantage of {told:.2f}, limit "
            f"{advantage:g}: new samples cost {ratio:.3g} times as much",
            places=(place,),
            evidence=(
                Evidence("membership_advantage", place, None, told, "above", advantage, "share", "true minus false positive rate"),
                Evidence("loss_ratio", place, None, ratio, "above", gap, "ratio", "mean loss, new samples by trained ones"),
            ),
            severity="warning",
            confidence=0.85,
            fix=Fix("give it more or augmented data, weight decay or dropout, and stop when the loss on new data rises"),
            source=source_of(training, explanation),
        )


def membership_advantage(seen: Floats, new: Floats) -> tuple[float, float]:
    """The best threshold's true positive rate minus its false positive rate, and that threshold."""
    thresholds = np.sort(seen)
    below_seen = np.arange(1, len(thresholds) + 1) / len(thresholds)
    below_new = np.searchsorted(np.sort(new), thresholds, side="right") / len(new)
    best = int(np.argmax(below_seen - below_new))
    return float(below_seen[best] - below_new[best]), float(thresholds[best])
