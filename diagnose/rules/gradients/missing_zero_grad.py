from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Series, Training


@rule(
    needs=("uncleared",),
    symptoms=(
        "exploding-gradients", "diverging-loss", "oscillating-loss", "loss-not-decreasing", "loss-spikes",
        "learning-rate-too-high", "non-finite-values", "underfitting", "dead-units", "saturated-activations",
        "constant-output", "overtraining", "clipping-too-hard",
    ),
)  # fmt: skip
def missing_zero_grad(training: Training, *, share: float = 0.5, min_steps: int = 5, min_snapshots: int = 5) -> Iterator[Finding]:
    """Gradients are not cleared after a step, so that they pile up.

    What it does:
        Counts the steps at whose first backward the gradients of the step before were still there, and speaks when
        they are more than `share` of all, and of the first ones. Also where a loss was computed to get the gradient of an input (an
        attack), its gradients were still in the weights when the step came, in more than `share` of at least `min_snapshots`
        snapshots its labels were not among those of the other loss, and of what it was first given no more answers are its labels
        than by chance, where the other loss has learnt twice that: then the weights are pulled to the attack's labels as well.

    Why is this bad:
        backward() adds to what is there. Each step then follows the sum of all gradients since the beginning, most of
        them from weights long left behind: it overshoots more and more.

    Fix:
        `optimizer.zero_grad()` once for every `optimizer.step()`, before its first backward or after the step.

    Known problems:
        Accumulation over several batches is no fault and not counted: there the gradients are cleared after the step. An attack
        that goes away from the right labels, and whose gradients stay, trains on every sample that it tries: some do so on
        purpose (FreeLB, Zhu et al. 2020), and nothing is said; nor of one towards the class after the right one, which can be
        learnt like any other label.

    Example:
        `diagnose run tests/challenges/pt-zero-grad/faulty.py`

    References:
        torch.optim.Optimizer.zero_grad, https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html.
        The value is 0 or 1 at each step; one program in two steps leaves no doubt of intent. Labels: right ones are among the
        other loss's in every snapshot, those of an attack on wrong classes were not in 79 % (tests/challenges/gh-attack-the-label);
        right ones of other samples (FreeLB on half of the batch) are answered as well as the other loss's.
        https://github.com/P2333/Bag-of-Tricks-for-AT/issues/8, https://arxiv.org/abs/1909.11764.
    """
    yield from _attacks_trained_on(training, share, min_snapshots)
    series = training.series("uncleared").measured()
    stepping = training.series("optimizer").measured()
    for index, optimizer in enumerate(training.optimizers or (None,)):
        mine = _of(series, stepping, index if optimizer is None else optimizer.index)
        if len(training.optimizers) <= 1:
            mine = series
        mine = Series(mine.quantity, None, mine.steps[1:], mine.values[1:])  # nothing to clear before the first step
        if len(mine) < min_steps or (optimizer is not None and optimizer.type == "LBFGS"):
            continue
        found, at_first = (float((values > 0.5).mean()) for values in (mine.values, mine.values[: 2 * min_steps]))
        if not (found > share and at_first > share):
            continue
        first = int(mine.steps[int(np.argmax(mine.values > 0.5))])
        name = optimizer.type if optimizer is not None else "the optimizer"
        yield Finding(
            message=f"gradients of {name} were not cleared before {found:.0%} of its {len(mine)} steps, limit "
            f"{share:.0%}",
            places=(name,),
            evidence=(Evidence("uncleared", None, mine.span, found, "above", share, "share", "mean"),),
            confidence=0.97,
            steps=(first, int(mine.steps[-1])),
            fix=Fix("clear the gradients before each backward that begins a step", "optimizer.zero_grad()"),
            source=optimizer.source if optimizer is not None else None,
        )


def _attacks_trained_on(training: Training, share: float, min_snapshots: int) -> Iterator[Finding]:
    """Losses that were to move an input towards other labels, and move the weights towards them too."""
    sites = [site for site in training.training_losses if site.function in signs.CATEGORICAL and "int" in (site.target_dtype or "")]
    for attack in sites:
        for real in sites:
            if attack.input_gradient and not real.input_gradient and attack.optimizer == real.optimizer:
                seen = _other_labels(training, attack, real, share, min_snapshots)
                if seen:
                    yield _trained_on(training, attack, real, seen, share)


def _other_labels(training: Training, attack: LossSite, real: LossSite, share: float, least: int) -> tuple[Evidence, ...]:
    """Evidence that the labels of one loss were mostly not among those of another in the same step, and are never answered."""
    theirs, ours = training.series("class_count", attack.id).finite(), training.series("class_count", real.id).finite()
    steps, left, right = np.intersect1d(theirs.steps, ours.steps, return_indices=True)
    if len(steps) < least or theirs.values.ndim != 2 or theirs.values.shape[1:] != ours.values.shape[1:]:
        return ()
    asked, given = theirs.values[left], ours.values[right]
    whole = real.input_shape[0] if real.input_shape else 0
    if not whole or float(np.median(given.sum(axis=1))) < whole or (asked.sum(axis=0) > 0).sum() < 2:
        return ()  # not all labels were counted; or one class for all: a pattern that is to be learnt as that class
    fits = asked.sum(axis=1) <= given.sum(axis=1)
    others = (asked[fits] > given[fits]).any(axis=1)
    chance = float(signs.class_shares(training, attack).max())
    answered, learnt = (signs.middle(signs.at_end(training, "loss_accuracy", site.id)) for site in (attack, real))
    share_of_others = float(others.mean()) if len(others) else 0.0
    if not (share_of_others > share and answered <= chance and learnt > 2 * chance):
        return ()
    span = (int(steps[0]), int(steps[-1]))
    return (
        Evidence("class_count", attack.id, span, share_of_others, "above", share, "share", "share of other labels"),
        Evidence("loss_accuracy", real.id, span, learnt, "above", 2 * chance, "share", "median of the last fifth"),
    )


def _trained_on(training: Training, attack: LossSite, real: LossSite, seen: tuple[Evidence, ...], share: float) -> Finding:
    return Finding(
        message=f"{attack.id} is to give an input its gradient, and the weights' were not cleared before the step, which follows it "
        f"beside {real.id}, though its labels are others in {seen[0].value:.0%} of the steps, limit {share:.0%}",
        places=(attack.id,),
        evidence=seen,
        confidence=0.85,
        steps=signs.span(training),
        fix=Fix(
            "clear the gradients after the attack, or take the input's gradient alone",
            "gradient, = torch.autograd.grad(loss, x)  # leaves the weights' gradients alone",
        ),
        source=attack.source,
    )


def _of(series: Series, stepping: Series, index: int) -> Series:
    if not len(stepping):
        return series
    mine = stepping.steps[stepping.values == index]
    keep = np.isin(series.steps, mine)
    return Series(series.quantity, None, series.steps[keep], series.values[keep])
