from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix, Severity
from diagnose.rules import rule, signs
from diagnose.rules.loss.quantities import labels_as_numbers, median_answered
from diagnose.rules.progress import stuck
from diagnose.run import LossSite, Training

NUMBERS_AS_TARGETS = ("gan", "autoencoder", "vae", "reinforcement", "contrastive", "distillation")
MARGINS = {  # losses of -1 against 1, and what they make of a 0
    "soft_margin_loss": "a 0 costs log 2 whatever is answered",
    "hinge_embedding_loss": "a 0 pulls to both sides at once",
    "cosine_embedding_loss": "a pair marked 0 costs nothing, whatever is answered",
    "margin_ranking_loss": "a pair marked 0 costs the margin, whatever is answered",
}
POSITIVE = ("softplus", "exp", "relu", "sigmoid")  # what makes a rate of a number
ONE_INPUT = ("soft_margin_loss", "hinge_embedding_loss")


@rule(
    needs=("losses",),
    symptoms=(
        "short-memory", "loss-not-decreasing",
        "diverging-loss",
        "underfitting",
        "constant-output",
        "vanishing-gradients",
        "exploding-gradients",
        "oscillating-loss",
        "unused-parameters",
        "stopped-too-early",
        "learning-rate-too-low", "class-imbalance",
        "learning-rate-too-high",
        "wrong-initial-loss",
        "unscaled-targets",
        "wrong-output-activation",
        "saturated-activations",
        "dead-units",
    ),
)
def wrong_loss_for_task(
    training: Training,
    *,
    margin: float = 0.01,
    learnt: float = 0.5,
    digits_learnt: float = 0.2,
    most_classes: int = 20,
    off: float = 0.33,
    flat: float = 0.05,
    skewed: float = 0.8,
) -> Iterator[Finding]:
    """The loss function does not fit the targets.

    What it does:
        Compares each trained loss with its targets: cross entropy over one class; binary cross entropy with targets more than
        `margin` outside [0, 1]; a loss of margins, which asks for -1 and 1, with 0 and 1 (a note of rankings that learn, and of
        `cosine_embedding_loss` beside another loss); cross entropy with target rows that are no distribution; `nll_loss` of a
        linear layer's output; `poisson_nll_loss` that takes for the logarithm of a rate what an activation has made positive
        while targets are under 1, or for the rate what is negative at times; a squared or absolute error whose targets are
        class labels (one-hot rows, or whole numbers 0..K-1 in equal shares with K at most `most_classes`). The last is a
        warning only where the fit is bad too: more than `learnt` of the loss of a constant prediction remains (`digits_learnt`
        for six or more labels from 0 on), or the squared error from labels 0..K-1 is above `off` ** 2, so that rounding names
        many samples wrongly; and an error where next to nothing was learnt. Also an absolute error whose every answer has
        become the smallest target (within `flat` of the targets' standard deviation), where their mean lies less than `skewed`
        deviations above it.

    Why is this bad:
        The softmax of one number is 1 whatever it is: no gradient at all. Binary cross entropy with a target of 2
        falls without bound as the output grows. An error in the label's number says that class 2 is twice as far from
        class 0 as class 1 is.

    Fix:
        Classes that exclude each other: one output unit a class and `cross_entropy` with integer labels. Yes or no:
        one unit and `binary_cross_entropy_with_logits` with targets 0 and 1. Quantities: `mse_loss`.

    Known problems:
        A squared error on one-hot targets (Brier score) can train well, and whole-numbered quantities such as ratings
        look like labels: without a bad fit both are left alone or noted.

    Example:
        `nn.CrossEntropyLoss()(nn.Linear(30, 1)(x), y)`

    References:
        torch.nn.CrossEntropyLoss, torch.nn.BCEWithLogitsLoss: shapes and ranges of the targets. torch.nn.CosineEmbeddingLoss,
        MarginRankingLoss, HingeEmbeddingLoss, SoftMarginLoss: targets of 1 and -1; PoissonNLLLoss: log_input. Hui & Belkin 2021,
        https://arxiv.org/abs/2006.07322: the squared error on one-hot labels is often as good, hence the second sign.
        0.01: rounding of half precision; 0.5: half of what there was to learn is left.
        0.33: of answers so far off in the mean, if they stray normally, one in eight is rounded to another label; class numbers
        that were regressed in two programs strayed by 0.6 and 0.7, and no sound program of tests/challenges has such targets.
        The absolute error is least at the median (Kolassa 2020, https://doi.org/10.1016/j.ijforecast.2019.02.017), which is the
        smallest target where more than half of them are equal to it; 0.8: then their mean lies at most a deviation above it.
        0.05: own choice, so that the answer is one number.
    """
    for site in training.training_losses:
        if site.function in signs.CATEGORICAL:
            yield from _one_class(training, site)
            yield from _no_distribution(training, site)
            yield from _raw_scores(training, site, margin)
        elif site.function in signs.BINARY:
            yield from _beyond_binary(training, site, margin)
        elif site.function in MARGINS:
            yield from _sign_asked(training, site)
        elif site.function == "poisson_nll_loss":
            yield from _rate_or_logarithm(training, site)
        elif site.function in signs.REGRESSION and training.kind not in NUMBERS_AS_TARGETS:
            yield from labels_as_numbers(training, site, learnt, digits_learnt, most_classes, off)
            yield from median_answered(training, site, flat, skewed)


def _sign_asked(training: Training, site: LossSite) -> Iterator[Finding]:
    """Losses of -1 against 1, given 0 and 1: of a 0 they ask nothing."""
    low, high, whole = (signs.typical(training, f"loss_target_{name}", site.id) for name in ("min", "max", "integer_share"))
    if not (low == 0 and high == 1 and whole == 1):
        return
    alone = len(training.training_losses) == 1
    if site.function == "margin_ranking_loss":  # who marks what is above its partner 1 has the other order among the pairs too
        severity: Severity = "error" if alone and stuck(training) else "note"
    else:  # beside another loss a 0 may leave pairs out on purpose
        severity = "error" if alone or site.function != "cosine_embedding_loss" else "note"
    place = signs.where(site)
    code = f"loss = F.{site.function}({'output' if site.function in ONE_INPUT else 'first, second'}, 2 * target - 1)"
    yield Finding(
        message=f"{site.function} at {place} takes targets of -1 and 1 and is given 0 and 1: {MARGINS[site.function]}",
        places=(place,),
        evidence=(Evidence("loss_target_min", site.id, training.series("loss_target_min", site.id).span, low, "equal", 0.0),),
        severity=severity,
        confidence=0.9 if severity == "error" else 0.5,
        steps=signs.span(training),
        fix=Fix("targets of -1 and 1, or a loss for 0 and 1", code),
        source=site.source,
    )


def _rate_or_logarithm(training: Training, site: LossSite) -> Iterator[Finding]:
    """`PoissonNLLLoss` takes the logarithm of the rate, unless told that it is given the rate."""
    logarithm, place = site.arguments.get("log_input"), signs.where(site)
    lowest = training.series("loss_input_min", site.id).finite()
    made = signs.nearest(site, POSITIVE) if logarithm is True else signs.nearest(site, signs.LINEAR) if logarithm is False else None
    if made is None or not len(lowest):
        return
    least = float(lowest.values.min())
    if logarithm and least >= 0 and signs.typical(training, "loss_target_min", site.id) < 1:
        what = f"takes {place} for the logarithm of the rate, but {made} makes it {least:.2g} or more: no rate under 1 can be told"
        seen = Evidence("loss_input_min", site.id, lowest.span, least, "above", -1e-9, statistic="min")
        fix = Fix(f"say that {made} gives the rate itself, or leave {made} out", "F.poisson_nll_loss(output, target, log_input=False)")
    elif not logarithm and least < 0:
        what = f"takes {place} for the rate, but nothing keeps it positive: it went down to {least:.2g}"
        seen = Evidence("loss_input_min", site.id, lowest.span, least, "below", 0.0, statistic="min")
        fix = Fix("let the output be the logarithm of the rate", "F.poisson_nll_loss(output, target, log_input=True)")
    else:
        return
    yield Finding(
        message=f"poisson_nll_loss {what}",
        places=(place,),
        evidence=(seen,),
        severity="error",
        confidence=0.95,
        steps=signs.span(training),
        fix=fix,
        source=site.source,
    )


def _one_class(training: Training, site: LossSite) -> Iterator[Finding]:
    if signs.classes(site) != 1:
        return
    place = signs.where(site)
    loss = signs.site_loss(training, site).finite()
    largest = float(abs(loss.values).max()) if len(loss) else 0.0
    evidence = (Evidence("class_axis", site.id, None, 1.0, "below", 2.0, statistic="shape"),)
    if len(loss) and largest <= 1e-6:
        evidence = (Evidence(loss.quantity, loss.place, loss.span, largest, "within", (0.0, 1e-6), statistic="max"),)
    yield Finding(
        message=f"{site.function} over the single output unit of {place}: the softmax of 1 number is always 1, so the "
        "loss is 0 and nothing is learnt",
        places=(place,),
        evidence=evidence,
        severity="error",
        confidence=0.98,
        steps=signs.span(training),
        fix=Fix(
            "keep the single unit and use binary_cross_entropy_with_logits with float targets 0 and 1, or make it one "
            "output unit for each class and keep cross entropy with integer labels",
            "loss = F.binary_cross_entropy_with_logits(output, target.float())",
        ),
        source=site.source,
    )


def _no_distribution(training: Training, site: LossSite) -> Iterator[Finding]:
    count = signs.classes(site)
    probabilities = site.target_shape == site.input_shape and "float" in (site.target_dtype or "")
    if site.function != "cross_entropy" or not count or count < 2 or not probabilities:
        return
    place = signs.where(site)
    lowest, highest = training.series("loss_target_min", site.id), training.series("loss_target_max", site.id)
    means = training.series("loss_target_mean", site.id).finite()
    if not len(means):
        return
    low, high = (
        signs.extreme(training, "loss_target_min", site.id, "low"),
        signs.extreme(training, "loss_target_max", site.id, "high"),
    )
    total = signs.middle(means.values) * count
    if low < -0.01:
        seen = Evidence("loss_target_min", site.id, lowest.span, low, "below", 0.0, statistic="10th percentile")
        what = f"targets down to {low:.3g}"
    elif high > 1.01:
        seen = Evidence("loss_target_max", site.id, highest.span, high, "above", 1.0, statistic="90th percentile")
        what = f"targets up to {high:.3g}"
    elif total > 1.05:
        seen = Evidence("loss_target_mean", site.id, means.span, total / count, "above", 1.05 / count)
        what = f"target rows that sum to {total:.2f} instead of 1"
    else:
        return
    yield Finding(
        message=f"cross entropy at {place} is given {what}: no distribution over {count} classes",
        places=(place,),
        evidence=(seen,),
        severity="error",
        confidence=0.85,
        steps=signs.span(training),
        fix=Fix(
            "several classes may hold at once: binary_cross_entropy_with_logits; one holds: integer labels; "
            "quantities: mse_loss",
            "loss = F.binary_cross_entropy_with_logits(output, target)",
        ),
        source=site.source,
    )


def _raw_scores(training: Training, site: LossSite, margin: float) -> Iterator[Finding]:
    highest = training.series("loss_input_max", site.id).finite()
    value = signs.middle(highest.values)
    if site.function != "nll_loss" or not signs.nearest(site, signs.LINEAR) or not value > margin:
        return
    place = signs.where(site)
    yield Finding(
        message=f"nll_loss is given the raw scores of {place}, up to {value:.3g}, instead of log-probabilities: "
        "it has no lower bound",
        places=(place,),
        evidence=(Evidence("loss_input_max", site.id, highest.span, value, "above", margin),),
        severity="error",
        confidence=0.97,
        steps=signs.span(training),
        fix=Fix(
            "raw scores belong into cross_entropy; nll_loss takes log_softmax", "loss = F.cross_entropy(output, target)"
        ),
        source=site.source,
    )


def _beyond_binary(training: Training, site: LossSite, margin: float) -> Iterator[Finding]:
    low = training.series("loss_target_min", site.id).finite()
    high = training.series("loss_target_max", site.id).finite()
    if not len(low) or not len(high):
        return
    lowest, highest = float(low.values.min()), float(high.values.max())
    if lowest >= -margin and highest <= 1 + margin:
        return
    place = signs.where(site)
    if highest > 1 + margin:
        seen = Evidence("loss_target_max", site.id, high.span, highest, "above", 1 + margin, statistic="max")
    else:
        seen = Evidence("loss_target_min", site.id, low.span, lowest, "below", -margin, statistic="min")
    whole = signs.typical(training, "loss_target_integer_share", site.id) == 1.0
    count = round(highest) + 1
    if whole and lowest >= 0 and count > 2:
        text = f"{count} classes need {count} output units and cross_entropy with integer labels"
        code = f"nn.Linear(…, {count})  # and: loss = F.cross_entropy(output, target.long())"
    elif whole and (lowest, highest) == (-1.0, 1.0):
        text, code = "turn the labels -1 and 1 into 0 and 1", f"loss = F.{site.function}(output, (target + 1) / 2)"
    else:
        text, code = f"targets from {lowest:.3g} to {highest:.3g} are quantities: use mse_loss", None
    yield Finding(
        message=f"{site.function} at {place} is given targets from {lowest:.3g} to {highest:.3g} instead of 0 "
        "to 1: its loss has "
        "no lower bound",
        places=(place,),
        evidence=(seen,),
        severity="error",
        confidence=0.97,
        steps=signs.span(training),
        fix=Fix(text, code),
        source=site.source,
    )
