from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.run import Floats, Steps, Training


@rule(needs=("evaluations", "losses"), symptoms=("wasted-epochs", "memorised-samples"))
def overfitting(
    training: Training,
    *,
    rise: float = 1.1,
    material: float = 0.03,
    fall: float = 0.05,
    noise: float = 3.0,
    patience: int = 10,
    min_passes: int = 5,
    ahead: float = 0.95,
) -> Iterator[Finding]:
    """The validation loss rises while the training loss goes on falling.

    What it does:
        Takes each held-out set whose loss has the function and arguments of the training loss. Speaks when the
        validation loss ends `rise` times above its best, by at least `material` of what a constant prediction loses,
        beyond `noise` times its own jitter, with a rising trend since its best (Mann-Kendall, 1 % false alarms), while
        the training loss has fallen by another `fall` and lies below it. Up to `patience` passes after the best, in
        the last part of the training, are early stopping at work: then only one and a half times the rise counts. Also where no
        pass was better than always answering the same, while the training loss is under `ahead` of that, beyond `noise` of its
        standard errors: nothing of what was learnt holds for other samples.

    Why is this bad:
        From there on the network learns its training samples by heart; what it does on new data gets worse.

    Fix:
        Keep the weights of the best pass (early stopping); more data or augmentation; dropout, weight decay, a
        smaller network. Where no pass was better than a constant: see that each label belongs to its sample.

    Known problems:
        The loss may rise while the accuracy still grows: the network is only too sure of itself. That is told as a note,
        unless the loss at its best was `ahead` of a constant's or more. A program that goes back to its best weights and
        evaluates them again is left alone; one that does not evaluate them looks like one that keeps the last. `overtraining`
        often stands beside it: to regularise and to stop in time are two cures.

    Example:
        `diagnose run demos/feedforward.py --problem overfitting`

    References:
        Prechelt 1998, Early Stopping - But When?, https://doi.org/10.1007/3-540-49430-8_3; a final loss of at most 1.1
        times the best is what the sound programs of tests/challenges are held to. 0.95: none of them whose validation never fell
        below 0.95 of a constant's loss brings its training loss below 0.97 of it; labels that were shuffled: 0.72 and 0.91.
    """
    for pair in trend.pairs(training, passes=min_passes):
        steps, losses = trend.finite_passes(pair.evaluation)
        best = _best(losses)
        after = len(losses) - 1 - best
        if after < 3 or losses[best] <= 0:
            continue
        lowest, level = float(_smooth(losses)[best]), _end(steps, losses)
        scale = trend.reference(training, pair.site, float(losses[0]))
        ratio = rise if after > patience or after >= 0.5 * len(losses) else 1 + 1.5 * (rise - 1)
        sigma = max(trend.pass_noise(losses), _error(pair.evaluation.noise))
        if level < ratio * lowest or level - lowest < max(material * scale, noise * sigma):
            continue
        if not _rising(losses[best:]):
            continue
        at_best, at_end = _around(pair.training.steps, pair.training.values, steps[best], steps[-1])
        if not at_end < (1 - fall) * at_best or (pair.comparable_levels and at_end >= level):
            continue
        better = _accuracy_grew(
            pair.evaluation.accuracy[np.isfinite(pair.evaluation.loss)], pair.evaluation.samples, best
        )
        # an accuracy that grows excuses a network that had learnt something: not one whose best is a constant's
        held = not pair.comparable_levels or lowest < ahead * signs.chance_loss(training, pair.site)
        first = int(steps[best])
        epoch = training.epoch_of(first)
        when = f"step {first}" + (f" (epoch {epoch})" if epoch else "")
        yield Finding(
            message=f"{pair.evaluation.name} loss rose from {lowest:.3g} at {when} to {level:.3g}, "
            f"{level / lowest:.2f} times, while the training loss fell from {at_best:.3g} to {at_end:.3g}",
            places=(pair.evaluation.id,),
            evidence=(
                Evidence(
                    "evaluation_loss",
                    pair.evaluation.id,
                    (first, int(steps[-1])),
                    level / lowest,
                    "above",
                    ratio,
                    "ratio",
                    "last passes / best",
                ),
            ),
            severity="note" if better and held and level < 2 * lowest else "warning",
            confidence=0.9 if after > patience else 0.75,
            steps=(first, int(steps[-1])),
            fix=Fix(
                f"keep the weights of the pass at {when}, or stop there; to get further: more data, augmentation, "
                "dropout, weight decay or a smaller network",
                "if val_loss < best:\n    best, state = val_loss, copy.deepcopy(model.state_dict())",
            ),
            source=pair.evaluation.site.source,
        )
        return
    for pair in trend.pairs(training, passes=min_passes):
        yield from _by_heart(training, pair, ahead, noise)
        return


def _by_heart(training: Training, pair: trend.Pair, ahead: float, noise: float) -> Iterator[Finding]:
    """Something is learnt of the training samples, and nothing of it holds for others."""
    steps, losses = trend.finite_passes(pair.evaluation)
    constant, late = signs.chance_loss(training, pair.site), signs.late(pair.training)
    if not (constant > 0 and pair.comparable_levels) or losses.min() <= constant or not len(late):
        return
    level, error = float(np.mean(late)), trend.spread_of_mean(late)
    if not level + noise * error < ahead * constant:
        return
    span, lowest = (int(steps[0]), int(steps[-1])), float(losses.min())
    yield Finding(
        message=f"{pair.evaluation.name} loss was never better than the {constant:.3g} that always answering the same reaches "
        f"({lowest:.3g} at best), while the training loss is {level:.3g}: nothing of what is learnt holds for other samples",
        places=(pair.evaluation.id,),
        evidence=(
            Evidence("evaluation_loss", pair.evaluation.id, span, lowest, "above", constant, "loss", "min"),
            Evidence("training_loss", pair.site.id, pair.training.span, level, "below", ahead * constant, "loss", "mean of the last fifth"),
        ),
        severity="warning",
        confidence=0.6,
        steps=span,
        fix=Fix("see that each label belongs to its sample and both sets are prepared alike; then more data, or a smaller network"),
        source=pair.evaluation.site.source,
    )


def _best(losses: Floats) -> int:
    """The lowest pass beside the lowest median of three."""
    near = int(np.argmin(_smooth(losses)))
    low = max(0, near - 1)
    return low + int(np.argmin(losses[low : near + 2]))


def _smooth(losses: Floats) -> Floats:
    """Medians of three: one lucky pass is no minimum."""
    padded = np.concatenate([losses[:1], losses, losses[-1:]])
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1))


def _end(steps: Floats, losses: Floats) -> float:
    """Level at the end: the lower of the last pass and the median of the last three.

    A last pass at the step of the one before is another model, such as the best one taken back: then it alone counts.
    """
    last = float(losses[-1])
    return last if len(steps) > 1 and steps[-1] == steps[-2] else min(last, float(np.median(losses[-3:])))


def _error(noise: Floats) -> float:
    """Standard error of the difference of two passes over one set, which share nine tenths of their variance."""
    known = noise[np.isfinite(noise)]
    return float(np.median(known)) * float(np.sqrt(2 * (1 - 0.9))) if len(known) else 0.0


def _rising(losses: Floats) -> bool:
    """A rising trend at 1 %, or without exception where there are too few passes for a test."""
    if len(losses) < 6:
        return bool(np.all(np.diff(losses) > 0))
    return trend.kendall(losses) > 2.33


def _around(steps: Steps, values: Floats, best: float, last: float) -> tuple[float, float]:
    """Training loss over the twentieth of the training before two steps."""
    width = max(5.0, 0.05 * last)

    def before(step: float) -> float:
        near = values[(steps > step - width) & (steps <= step)]
        return float(np.mean(near)) if len(near) else float(np.interp(step, steps, values))

    return before(best), before(last)


def _accuracy_grew(accuracy: Floats, samples: Floats, best: int) -> bool:
    """Whether the accuracy at the end is above that at the best loss by two standard errors of its difference."""
    if not len(accuracy) or not np.isfinite(accuracy[best]) or not np.isfinite(accuracy[-1]):
        return False
    known = samples[np.isfinite(samples)]
    count = float(known[-1]) if len(known) else 100.0
    p = float(accuracy[-1])
    return p - float(accuracy[best]) > 2 * float(np.sqrt(max(p * (1 - p), 1e-4) / max(count, 1)))
