from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.run import EvaluationSet, Training

HELD_OUT = ("val", "valid", "validation", "test", "dev", "holdout", "held-out", "held_out")


@rule(needs=("evaluations",), symptoms=("suspicious-validation", "overfitting", "overtraining", "memorised-samples"))
def train_validation_leakage(
    training: Training,
    *,
    share: float = 0.1,
    certain: float = 0.3,
    repeats: float = 0.3,
    few_samples: float = 1e6,
    apart: float = 1.3,
    fewer_right: float = 0.05,
    alike: float = 2.0,
    part: float = 0.6,
    by_chance: float = 1.5,
    whole: float = 0.99,
) -> Iterator[Finding]:
    """Validation samples are training samples.

    What it does:
        Compares hashes of the samples of each evaluation with those of the training. A set of which more than `share` was
        trained on is a warning, more than `certain` an error. A set that is wholly the training data, or holds `whole` of it,
        is the training's own figure and only reported if its name, that of no other set, says that it is held out, if the split
        is drawn anew again and again, or if it is smaller than a training set of which more than `repeats` are copies, as
        oversampling before the split makes it, or if it is less than `part` of the training set and no other set is looked at
        while the network trains.
        Copies that were changed a little are not the same samples; they are told by a second held-out set, looked at once
        the training is over: where its loss is `apart` times that of the last validation, and `fewer_right` fewer of its
        samples are right, while the validation loss is at most `alike` times that of the training data, that is a warning.

    Why is this bad:
        The validation then measures what was learnt by heart. The model chosen by it, and the result reported, do not
        hold on new data.

    Fix:
        Split first, then repeat, oversample or augment the training part only.

    Known problems:
        Of changed copies nothing is seen where no second set is evaluated; and a second set that was collected elsewhere,
        or that lacks a mark which the others share, looks the same. Whole numbers of which there are fewer than
        `few_samples` combinations repeat by nature and are left out, as are words and reinforcement learning; so are samples
        mostly of whole numbers, and less than half of any others (whole numbers that were scaled), where samples of one pass
        equal each other so often that `by_chance` times what follows for the training samples is not exceeded.

    Example:
        `random_split(ConcatDataset([data] * 4), [1800, 600])`

    References:
        Kapoor & Narayanan 2023, Leakage and the reproducibility crisis, https://doi.org/10.1016/j.patter.2023.100804.
        0.1: CIFAR-10, a set known for its near-duplicates, shares 3.3 % of its test images (Barz & Denzler 2020,
        https://arxiv.org/abs/1902.00423), lines of source text 7 %. 1.3 and 0.05: jittered copies on both sides made it 5.2 and
        0.24, overlapping windows 1.44 and 0.09; in the sound programs of tests/challenges that classify and look at a second
        set, 1.05 and 0.01 at most. 2: where they overlapped it was 1.1 and 1.4. 0.6: a split leaves the smaller part for
        validation, a training set that is evaluated itself is 1; no sound program lies between, whatever the limit. 0.99: some
        are not known. 1.5: tables of categories share 0.74 where chance gives 0.53, or 0.12 and 0.31; copies made before the
        split 0.99 and 0.59.
    """
    if training.kind in ("reinforcement", "language", "gan") or _repeats_by_nature(training, few_samples):
        return
    for evaluation in training.evaluations:
        if len(evaluation) and evaluation.same_data is not None:
            alone = sum(other.name == evaluation.name for other in training.evaluations) == 1
            named = alone and evaluation.name.lower() in HELD_OUT
            if _by_chance(training, evaluation, by_chance):
                continue
            separate = named or _copied(training, evaluation, repeats) or _a_part_alone(training, evaluation, part, share)
            separate = separate or evaluation.split_anew
            if separate or (evaluation.training_data or 0) < whole:
                yield from _judge(evaluation, evaluation.same_data, separate, share, certain)
    yield from _other_than_the_rest(training, share, apart, fewer_right, alike)


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


def _by_chance(training: Training, evaluation: EvaluationSet, by_chance: float) -> bool:
    """Whether samples equal each other within one pass about as often as training samples; most of them only whole numbers do.

    Of a table of which each row was copied many times before the split nearly all samples meet, within a pass as well.
    """
    whole = [training.series("input_integer_share", site.id).finite().values for site in training.inputs]
    if evaluation.same_data is None or evaluation.chance_data is None:
        return False
    numbers = any(len(w) and w.min() > 0.5 for w in whole)
    return evaluation.same_data <= by_chance * evaluation.chance_data and (numbers or evaluation.same_data < 0.5)


def _copied(training: Training, evaluation: EvaluationSet, repeats: float) -> bool:
    """Whether the training data hold copies and the set is a smaller one, so that copies fell on both sides."""
    loader = training.facts.get("data", {}).get("loader") or {}
    size, copies = loader.get("dataset_size"), training.facts.get("train_repeats")
    if not isinstance(size, int) or not isinstance(copies, float) or loader.get("sampler") == "WeightedRandomSampler":
        return False
    if training.facts.get("train_same") == 1:
        return False  # one batch again and again: can the network learn it at all?
    return copies > repeats and float(np.median(evaluation.samples)) < 0.9 * size


def _a_part_alone(training: Training, evaluation: EvaluationSet, part: float, share: float) -> bool:
    """Whether a small part of the training data is all that is looked at again and again: it was meant to be held out."""
    different = training.facts.get("train_samples")
    rows = max((site.input_shape[0] for site in training.training_losses if site.input_shape), default=0)
    if any(site.shape and site.shape[0] > rows for site in training.inputs):
        return False  # a graph: all nodes are given each time, the loss is that of some
    others = [other for other in training.evaluations if other is not evaluation and len(other) >= 3]
    alone = len(evaluation) >= 3 and not any((other.same_data or 0) <= share for other in others)
    return alone and isinstance(different, int) and float(np.median(evaluation.samples)) < part * different


def _other_than_the_rest(
    training: Training, share: float, apart: float, fewer_right: float, alike: float
) -> Iterator[Finding]:
    """A validation set that is like the training data, while a set that was looked at in the end is not."""
    for pair in trend.pairs(training, passes=4):
        used = pair.evaluation
        level = signs.middle(signs.late(pair.training))
        best = int(np.nanargmin(used.loss))
        value, right = float(used.loss[best]), float(used.accuracy[best])
        if (used.same_data or 0) > share or not (pair.comparable_levels and value <= alike * level and right > 0):
            continue
        for other in trend.held_out(training, passes=1):
            last = len(other) <= 2 and other.steps[0] >= used.steps[-1] and other.site.function == used.site.function
            if other is used or not last or (other.same_data or 0) > share:
                continue
            loss, less, samples = float(other.loss[-1]), right - float(other.accuracy[-1]), float(other.samples[-1])
            if not (value > 0 and loss > apart * value and less > fewer_right + 3 * np.sqrt(0.25 / max(samples, 1.0))):
                continue
            seen = (int(other.steps[0]), int(other.steps[-1]))
            yield Finding(
                message=f"{used.name} does as well as the training data (loss {value:.3g}, {right:.0%} right), another set at the "
                f"end does not ({loss:.3g}, {right - less:.0%}): near-copies of training samples, or a mark that only these share",
                places=(used.id,),
                evidence=(
                    Evidence("evaluation_loss", other.id, seen, loss, "above", apart * value, "loss", "last pass"),
                    Evidence("evaluation_accuracy", other.id, seen, right - less, "below", right - fewer_right, "share", "last pass"),
                ),
                severity="warning",
                confidence=0.65,
                steps=(int(used.steps[0]), int(other.steps[-1])),
                fix=Fix(
                    "split before anything is augmented, windowed or repeated, and by group where samples belong together",
                    "train, val = split(data)  # then: train = augment(train)",
                ),
                source=used.site.source,
            )
            return


def _judge(evaluation: EvaluationSet, same: float, apart: bool, share: float, certain: float) -> Iterator[Finding]:
    if same <= share or (same >= 0.99 and not apart):
        return
    samples = int(evaluation.samples[-1]) if len(evaluation.samples) else 0
    count = f" ({round(same * samples)} of {samples})" if samples else ""
    sure = same > certain
    anew = evaluation.split_anew
    yield Finding(
        message=f"{same:.0%} of the samples of {evaluation.name}{count} are training samples"
        + (", though the first pass held out its own: the split is drawn anew" if anew else ""),
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
            "split once, before the loop" if anew else f"take {evaluation.name} apart before anything is repeated, oversampled or augmented",
            "train, val = random_split(data, [0.8, 0.2])  # then: " + ("for epoch in …" if anew else "ConcatDataset([train] * 4)"),
        ),
        source=evaluation.site.source,
    )
