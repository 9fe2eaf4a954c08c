from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.rules.adversarial.pair import generated
from diagnose.run import Floats, InputSite, Series, Training


@rule(
    needs=("loss", "optimizer"),
    symptoms=(
        "mode-collapse",
        "vanishing-gradients",
        "loss-not-decreasing",
        "constant-output",
        "diverging-loss",
        "dead-units",
        "saturated-activations",
    ),
    kinds=("gan",),
)
def discriminator_dominates(
    training: Training,
    *,
    beaten: float = 0.1,
    starved: float = 0.1,
    lost: float = 3.0,
    bottomless: float = 100.0,
    away: float = 10.0,
    min_steps: int = 40,
) -> Iterator[Finding]:
    """The discriminator is always right and the generator learns nothing from it.

    What it does:
        Looks for an optimizer whose loss, positive throughout, has in the last third fallen below `beaten` of its start
        and stays there (both less what smoothed labels leave of the best loss), while the other one starves: its
        gradients are below `starved` of their start (a saturating generator loss), or its loss has grown `lost` times (a
        non-saturating one). And for a critic, whose loss has no floor: both losses have fallen below zero by more than `bottomless`
        times their first size and still fall in the last third, and the generated samples reach `away` times as far as the real ones.

    Why is this bad:
        Where real and generated samples are told apart with certainty, the discriminator is flat around the generated
        ones: its gradient does not say in which direction reality lies. Where both losses fall together nobody competes: the
        generator, by the wrong sign of its loss, flees from the data and makes the critic's work ever easier.

    Fix:
        One step each, equal learning rates, the non-saturating loss, and a gradient penalty on the discriminator. For a
        critic that minimises its score of generated samples less that of real ones, the generator's loss is minus its score.

    Known problems:
        Critics of the Wasserstein kind have losses without a floor and are judged only where both losses run away. Losses that
        merely swing are what adversarial training looks like and are not reported.

    Example:
        ten discriminator steps per generator step with a twenty times higher learning rate

    References:
        Goodfellow et al. 2014, section 3, https://arxiv.org/abs/1406.2661; Arjovsky & Bottou 2017, theorem 2.4,
        https://arxiv.org/abs/1701.04862. 0.1: at the equilibrium the loss is 2 ln 2 = 1.39, near its start; a
        discriminator that is right in 93 of 100 cases has a tenth of it. 100 and 10: critics of sound programs of
        tests/challenges ended at most 0.61 times their first loss below zero, and the samples reached 1.4 times as far as real ones;
        a generator with the wrong sign took the losses to 4,400 and 47,000 times, and its samples 535 times as far.
    """
    losses = _by_optimizer(training)
    if len(losses) != 2:
        return
    for winner, loser in ((0, 1), (1, 0)):
        finding = _judge(training, losses, winner, loser, beaten, starved, lost)
        if finding is not None:
            yield finding
            return
    yield from _together(training, losses, bottomless, away)


def _together(training: Training, losses: list[tuple[int, Series]], bottomless: float, away: float) -> Iterator[Finding]:
    """Both losses fall without end while the generated samples leave the real ones behind: they do not compete."""
    pair = generated(training)
    if pair is None or any(len(series) < 20 for _, series in losses):
        return
    made, judged = pair
    evidence = []
    for _, series in losses:
        limit = -bottomless * signs.middle(np.abs(signs.early(series)))
        third = len(series) // 3
        end, before = signs.middle(series.values[-third:]), signs.middle(series.values[-2 * third : -third])
        if not end < min(limit, before):
            return
        span = (int(series.steps[-third]), int(series.steps[-1]))
        evidence.append(Evidence("loss", None, span, end, "below", limit, "loss", "median of the last third"))
    reached = signs.middle(signs.at_end(training, "output_max_abs", made.path))
    real = _real(training, judged)
    if not reached > away * real > 0:
        return
    seen = training.series("output_max_abs", made.path).finite()
    evidence.append(Evidence("output_max_abs", made.path, seen.span, reached, "above", away * real, None, "median of the last fifth"))
    critic = next((p.optimizer for p in training.parameters if p.network == judged.network and p.optimizer is not None), None)
    mine = [e for (number, _), e in zip(losses, evidence, strict=False) if number == critic] or evidence[:1]
    theirs = [e for e in evidence[:2] if e is not mine[0]]
    yield Finding(
        message=f"loss of {judged.network} fell to {mine[0].value:.3g}, and that of {made.network} with it, to {theirs[0].value:.3g}: "
        f"they do not compete, and samples of {made.path} reach {reached:.3g} where real ones reach {real:.3g}",
        places=tuple(dict.fromkeys((judged.network, made.network))),
        evidence=tuple(evidence),
        severity="error",
        confidence=0.9,
        steps=mine[0].steps,
        fix=Fix(
            f"look at the sign of one loss: where {judged.network} minimises its score of generated samples less that of real ones, "
            f"the loss of {made.network} is minus that score",
            f"loss = -{judged.network}({made.network}(noise)).mean()",
        ),
        source=next((s.source for s in training.training_losses if s.optimizer is not None and s.optimizer != critic), None),
    )


def _real(training: Training, judged: InputSite) -> float:
    """How far real samples reach: of all that the critic is fed, the nearest."""
    reaches = []
    for site in training.inputs:
        if site.network == judged.network and site.shape == judged.shape:
            low, high = (signs.middle(signs.late(training.series(f"input_{side}", site.id))) for side in ("min", "max"))
            reaches.append(max(-low, high))
    return float(np.nanmin(reaches)) if np.isfinite(reaches).any() else float("nan")


def _by_optimizer(training: Training) -> list[tuple[int, Series]]:
    loss, which = training.series("loss").measured(), training.series("optimizer")
    steps, mine, theirs = np.intersect1d(loss.steps, which.steps, return_indices=True)
    numbers = which.values[theirs]
    found = []
    for index in np.unique(numbers[np.isfinite(numbers)]):
        chosen = numbers == index
        found.append((int(index), Series("loss", None, steps[chosen], loss.values[mine][chosen])))
    return found


def _judge(
    training: Training,
    losses: list[tuple[int, Series]],
    winner: int,
    loser: int,
    beaten: float,
    starved: float,
    lost: float,
) -> Finding | None:
    (number, won), (other, given) = losses[winner], losses[loser]
    if len(won) < 20 or len(given) < 20 or not (won.values > 0).all():
        return None
    tail = won.values[-len(won) // 3 :]
    start, end, floor = signs.middle(signs.early(won)), signs.middle(tail), _least(training, number)
    limit = floor + beaten * (start - floor)
    if not end < limit or float(np.percentile(tail, 90)) > floor + 2 * beaten * (start - floor):
        return None
    # its least early loss: a discriminator of several steps may have won before the generator's fifth
    lose_start = float(np.min(np.abs(signs.early(given))))
    lose_end = float(abs(signs.middle(given.values[-len(given) // 3 :])))
    ratio = _gradient_ratio(training, other)
    if ratio < starved:
        sign = f"the gradients of the other network's {len(given)} steps fell to {ratio:.1%} of their start"
    elif lose_start > 0 and lose_end > lost * lose_start and given.values[-1] > 0:
        sign = f"the other network's loss grew from {lose_start:.3g} to {lose_end:.3g}"
    else:
        return None
    begin = int(won.steps[-len(won) // 3])
    optimizer = next((o for o in training.optimizers if o.index == number), None)
    place = next((p.network for p in training.parameters if p.optimizer == number and p.network), f"optimizer {number}")
    steps_each = len(won) / max(len(given), 1)
    rate = optimizer.settings.get("lr") if optimizer else None
    often = f", which takes {steps_each:.0f} steps for each of the other" if steps_each > 1.5 else ""
    return Finding(
        message=f"loss of {place}{often} fell from {start:.3g} to {end:.2g}, and {sign}",
        places=(place,),
        evidence=(
            Evidence(
                "loss",
                None,
                (begin, int(won.steps[-1])),
                end,
                "below",
                limit,
                "loss",
                "median of the last third",
            ),
        ),
        severity="error",
        confidence=0.85,
        steps=(begin, int(won.steps[-1])),
        fix=Fix(
            "one step each, equal learning rates, a non-saturating generator loss and a gradient penalty on "
            "the discriminator",
            f"optimizer_d = torch.optim.Adam(D.parameters(), lr={rate / max(steps_each, 2):.2g}, betas=(0.5, 0.99))"
            if isinstance(rate, float)
            else None,
        ),
        source=optimizer.source if optimizer else None,
    )


def _least(training: Training, optimizer: int) -> float:
    """What is left of the loss of a discriminator that is always right: the entropy of smoothed labels."""
    left = 0.0
    for site in training.training_losses:
        if site.optimizer == optimizer and site.function in signs.BINARY:
            ends = {signs.typical(training, f"loss_target_{side}", site.id) for side in ("min", "max")}
            left += sum(-p * np.log(p) - (1 - p) * np.log(1 - p) for p in ends if 0 < p < 1)
    return float(left)


def _gradient_ratio(training: Training, optimizer: int) -> float:
    """Gradient norm of an optimizer's parameters at the end over that at the start, root of summed squares."""
    early: list[Floats] = []
    late: list[Floats] = []
    for parameter in training.parameters:
        series = training.series("gradient_norm", parameter.path).finite()
        if parameter.optimizer == optimizer and len(series) >= 6:
            early.append(series.values[:3] ** 2)
            late.append(series.values[-3:] ** 2)
    if not early:
        return float("nan")
    first, last = float(np.sum(early)), float(np.sum(late))
    return float(np.sqrt(last / first)) if first > 0 else float("nan")
