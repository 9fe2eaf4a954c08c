from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import EvaluationSet, Training

HELD_OUT = ("val", "valid", "validation", "test", "dev", "holdout", "held-out", "held_out")


@rule(needs=("evaluations",), symptoms=("suspicious-validation", "overfitting", "overtraining", "memorised-samples"))
def train_validation_leakage(
    training: Training, *, share: float = 0.05, certain: float = 0.3, repeats: float = 0.3, few_samples: float = 1e6
) -> Iterator[Finding]:
    """Validation samples are training samples.

    What it does:
        Compares hashes of the samples of each evaluation with those of the training. A set of which more than `share`
        was trained on is a warning, more than `certain` an error. A set that is wholly the training data is the
        training's own figure and only reported if its name, that of no other set, says that it is held out, or if it is
        smaller than a training set of which more than `repeats` are copies, as oversampling before the split makes it.

    Why is this bad:
        The validation then measures what was learnt by heart. The model chosen by it, and the result reported, do not
        hold on new data.

    Fix:
        Split first, then repeat, oversample or augment the training part only.

    Known problems:
        Only identical samples are seen; augmented copies are not. Whole numbers of which there are fewer than
        `few_samples` combinations repeat by nature and are left out, as are words and reinforcement learning.

    Example:
        `random_split(ConcatDataset([data] * 4), [1800, 600])`

    References:
        Kapoor & Narayanan 2023, Leakage and the reproducibility crisis, https://doi.org/10.1016/j.patter.2023.100804.
        0.05: CIFAR-10, a set known for its near-duplicates, shares 3.3 % of its test images (Barz & Denzler 2020,
        https://arxiv.org/abs/1902.00423).
    """
    if training.kind in ("reinforcement", "language", "gan") or _repeats_by_nature(training, few_samples):
        return
    for evaluation in training.evaluations:
        if len(evaluation) and evaluation.same_data is not None:
            alone = sum(other.name == evaluation.name for other in training.evaluations) == 1
            named = alone and evaluation.name.lower() in HELD_OUT
            apart = named or _copied(training, evaluation, repeats)
            yield from _judge(evaluation, evaluation.same_data, apart, share, certain)


def _repeats_by_nature(training: Training, few_samples: float) -> bool:
    """Whether samples are whole numbers with so few combinations that equal ones are drawn again and again."""
    combinations = 0.0  # their logarithm
    for site in training.inputs:
        whole = training.series("input_integer_share", site.id).finite().values
        low, high = (training.series(f"feature_{side}", site.id).finite().values for side in ("min", "max"))
        size = prod(site.shape[1:])
        if not len(whole) or whole.min() < 1 or low.ndim != 2 or low.shape != high.shape or not len(low):
            return False
        each = np.log10(high.max(axis=0) - low.min(axis=0) + 1)
        combinations += float(each.sum()) * size / max(low.shape[1], 1)
    return bool(training.inputs) and combinations <= np.log10(few_samples)


def _copied(training: Training, evaluation: EvaluationSet, repeats: float) -> bool:
    """Whether the training data hold copies and the set is a smaller one, so that copies fell on both sides."""
    loader = training.facts.get("data", {}).get("loader") or {}
    size, copies = loader.get("dataset_size"), training.facts.get("train_repeats")
    if not isinstance(size, int) or not isinstance(copies, float) or loader.get("sampler") == "WeightedRandomSampler":
        return False
    return copies > repeats and float(np.median(evaluation.samples)) < 0.9 * size


def _judge(evaluation: EvaluationSet, same: float, apart: bool, share: float, certain: float) -> Iterator[Finding]:
    if same <= share or (same >= 0.99 and not apart):
        return
    samples = int(evaluation.samples[-1]) if len(evaluation.samples) else 0
    count = f" ({round(same * samples)} of {samples})" if samples else ""
    sure = same > certain
    yield Finding(
        message=f"{same:.0%} of the samples of {evaluation.name}{count} are training samples",
        places=(evaluation.id,),
        evidence=(
            Evidence(
                "same_data",
                evaluation.id,
                None,
                same,
                "above",
                certain if sure else share,
                statistic="share of samples",
            ),
        ),
        severity="error" if sure else "warning",
        confidence=0.95 if sure else 0.75,
        steps=(int(evaluation.steps[0]), int(evaluation.steps[-1])),
        fix=Fix(
            f"take {evaluation.name} apart before anything is repeated, oversampled or augmented",
            "train, val = random_split(data, [0.8, 0.2])  # then: ConcatDataset([train] * 4)",
        ),
        source=evaluation.site.source,
    )
