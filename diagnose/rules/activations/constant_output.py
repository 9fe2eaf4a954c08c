from collections.abc import Iterator
from math import prod

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.rules.fed import one_number
from diagnose.run import Layer, LossSite, Training

LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits", "nll_loss")
PROBABILITIES = ("binary_cross_entropy",)
NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
NO_ANSWER = ("gan", "reinforcement", "contrastive", "vae")  # a constant output can be right there


@rule(
    needs=("losses",),
    symptoms=("loss-not-decreasing", "underfitting", "wasted-epochs", "input-ignored", "vanishing-gradients"),
)
def constant_output(
    training: Training,
    *,
    logit: float = 0.01,
    ratio: float = 0.01,
    rounding: float = 1e-5,
    min_snapshots: int = 5,
    min_steps: int = 20,
) -> Iterator[Finding]:
    """The network gives the same answer to every input.

    What it does:
        Takes how much the prediction varies across the samples of a batch, while the targets vary, and speaks when it
        stays under `logit` for logits (a hundredth changes a probability by a quarter of a per cent at most), or under
        `ratio` of the targets' spread for numbers, in the second half of the training (not where the steps were so few that the
        network still is as it was drawn: stopped-too-early). Also where a layer normalises a
        single number: less its own mean, that is zero, whatever it was; and where what one layer normalised is averaged by the
        next: its mean was just taken from it, and what the average varies by is under `rounding` of what came in. And where
        all that the networks are given is one whole number, everywhere and in every sample, and next to nothing is learnt.

    Why is this bad:
        The network has given up on its inputs: it answers with the mean of the targets.

    Fix:
        Find what cuts the inputs off: dead units, saturated activations, vanishing gradients, a learning rate that
        blew up the weights, or labels that are nearly constant.

    Known problems:
        On data in which nothing can be learnt a nearly constant answer is the right one.

    Example:
        `diagnose run tests/challenges/at-circle-relu-narrow/faulty.py`

    References:
        Karpathy 2019, A recipe for training neural networks, https://karpathy.github.io/2019/04/25/recipe/. Both limits
        are ten times under the least spread measured in healthy trainings whose loss fell by a tenth. 1e-5: a hundred times
        float32's rounding; an average over an instance norm's output varied by 2e-8 of it, one over any other norm's in
        tests/challenges by 0.04 and more. Huang et al. 2018, https://arxiv.org/abs/1804.04732, section 5.1.
    """
    yield from _normalised_alone(training)
    yield from _averaged_away(training, rounding, min_snapshots)
    yield from _told_nothing(training)
    if training.kind in NO_ANSWER or training.steps < min_steps:
        return
    if trend.few_steps(training, trend.main_loss(training)[0].values) is not None:
        return  # it answers as it was drawn, and has begun to learn: stopped-too-early speaks
    for site in training.training_losses:
        series = training.series("loss_input_std_across", site.id).finite()
        if len(series) < min_snapshots:
            continue
        targets = training.series("loss_target_std_across", site.id).finite()
        spread = float(np.median(targets.values)) if len(targets) else float("nan")
        limit = _limit(training, site, spread, logit, ratio)
        if limit is None:
            continue
        late = series.values[len(series) // 2 :]
        value = float(np.median(late))
        if not (value < limit and late[-1] < limit):
            continue
        below = series.values < limit
        since = int(series.steps[len(below) - int(np.argmin(below[::-1]))]) if not below.all() else int(series.steps[0])
        place = site.layer or site.id
        yield Finding(
            message=f"the output of {place} varies by {value:.1e} across the samples of a batch, limit "
            f"{limit:.1e}: the "
            "same answer to every input",
            places=(place,),
            evidence=(
                Evidence("loss_input_std_across", site.id, (since, int(series.steps[-1])), value, "below", limit),
            ),
            confidence=0.8,
            steps=(since, int(series.steps[-1])),
            fix=Fix(
                "try to fit one batch of 16 samples first; if that fails too, look at the other findings for "
                "what cuts the inputs off"
            ),
            source=site.source,
        )


def _normalised_alone(training: Training) -> Iterator[Finding]:
    """Layers that take the mean of one number from that number."""
    alone = [layer for layer in training.layers if layer.type == "LayerNorm" and _normalised(layer) == 1]
    alone += [layer for layer in training.layers if layer.type == "GroupNorm" and _in_group(layer) == 1]
    if not alone:
        return
    first = alone[0]
    others = f", and so do {len(alone) - 1} more" if len(alone) > 1 else ""
    yield Finding(
        message=f"{first.path} normalises 1 number by its own mean{others}: its output is its bias, whatever comes in",
        places=tuple(layer.path for layer in alone),
        evidence=tuple(
            Evidence("normalized_size", layer.path, None, 1.0, "below", 1.5, "numbers", "shape") for layer in alone
        ),
        confidence=0.95,
        steps=signs.span(training),
        fix=Fix(
            "standardise this input with the mean and the spread of the training data, or normalise over all features at once",
            "x = (x - mean) / std  # of the training data",
        ),
        source=first.source,
    )


def _averaged_away(training: Training, rounding: float, min_snapshots: int) -> Iterator[Finding]:
    """Averages over just what a layer has normalised: the mean that was taken away is zero (or its bias) for every sample."""
    if any(_answers(training, site) for site in training.training_losses):
        return  # it is one way of several: a gate
    for edge in training.edges:
        layer, average = training.layer(edge.source), training.layer(edge.target)
        if layer is None or average is None or layer.role != "normalization":
            continue
        if average.role != "pooling" and "mean" not in edge.operations:
            continue
        before, after = (training.series("batch_std", place.path).finite() for place in (layer, average))
        if len(before) < min_snapshots or len(after) < min_snapshots:
            continue
        came, left = signs.middle(before.values), signs.middle(after.values)
        if not left < rounding * came:
            continue
        how = average.path if average.role == "pooling" else "the mean that follows"
        yield Finding(
            message=f"{layer.path} ({layer.type}) takes the mean of each channel away, and {how} takes the mean: it varies by {left:.1e} "
            f"across the samples of a batch, where {came:.2g} came in",
            places=tuple(dict.fromkeys((layer.path, average.path))),
            evidence=(Evidence("batch_std", average.path, after.span, left, "below", rounding * came),),
            confidence=0.95,
            steps=signs.span(training),
            fix=Fix(f"leave out {layer.path}, normalise over the batch (BatchNorm), or put the activation between it and the average"),
            source=layer.source,
        )
        return


def _answers(training: Training, site: LossSite, rounding: float = 1e-5) -> bool:
    """Whether the predictions at this site differ by more than rounding makes them."""
    across = signs.typical(training, "loss_input_std_across", site.id)
    size = signs.typical(training, "loss_input_std", site.id), abs(signs.typical(training, "loss_input_mean", site.id))
    return across > rounding * float(np.nanmax([*size, 0.0]))


def _told_nothing(training: Training) -> Iterator[Finding]:
    """All inputs are one number: with dropout the answers differ, and yet not by the input."""
    seen = one_number(training)
    if seen is None:
        return
    site, value = training.inputs[0], seen[0].value
    others = f", and so are {len(training.inputs) - 1} more" if len(training.inputs) > 1 else ""
    yield Finding(
        message=f"the input {site.id} is {value:g} everywhere, in all samples{others}: the answer cannot depend on it",
        places=(site.id,),
        evidence=seen,
        confidence=0.95,
        steps=signs.span(training),
        fix=Fix(
            f"look at how the samples are encoded: is {value:g} what stands for unknown or for padding? Print a few before and "
            "after, with the vocabulary that they are looked up in"
        ),
        source=site.source,
    )


def _normalised(layer: Layer) -> int:
    shape = layer.settings.get("normalized_shape")
    return prod(shape) if isinstance(shape, (list, tuple)) else 0


def _in_group(layer: Layer) -> int:
    """Numbers that are normalised together: those of a group's channels at all positions."""
    groups, channels = layer.settings.get("num_groups"), layer.settings.get("num_channels")
    if not groups or not channels or not layer.shape:
        return 0
    return int(channels) // int(groups) * prod(layer.shape[2:])


def _limit(training: Training, site: LossSite, spread: float, logit: float, ratio: float) -> float | None:
    """Least spread across samples that still is an answer; None where the targets do not vary or are not known."""
    if site.input_shape is not None and site.input_shape[:1] == (1,):
        return None  # one sample has no spread
    if site.function in (*LOGITS, *PROBABILITIES):
        counts = training.series("class_count", site.id).finite()
        if len(counts) and counts.values.ndim == 2:
            if (counts.values.sum(axis=0) > 0).sum() < 2:
                return None  # one class: a constant answer is right
        elif not spread > 0:
            return None
        if (
            site.function in LOGITS
            and site.input_shape is not None
            and len(site.input_shape) >= 2
            and site.input_shape[1] == 1
        ):
            return None if site.function != "binary_cross_entropy_with_logits" else logit
        return logit if site.function in LOGITS else logit / 4
    if site.function in NUMBERS and spread > 0:
        return ratio * spread
    return None
