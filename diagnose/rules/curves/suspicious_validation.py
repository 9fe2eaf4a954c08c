from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.rules.progress import jitter
from diagnose.run import Training


@rule(needs=("evaluations", "losses"), symptoms=("overfitting", "overtraining"))
def suspicious_validation(
    training: Training,
    *,
    ratio: float = 0.7,
    passes_share: float = 0.7,
    material: float = 0.05,
    noise: float = 3.0,
    foreign: float = 1.5,
    learnt: float = 0.6,
    below_chance: float = 0.5,
    absurd: float = 10.0,
    min_passes: int = 4,
) -> Iterator[Finding]:
    """The validation set is clearly easier than the training set, or of another kind.

    What it does:
        Holds each pass over a held-out set against the training losses of the same function in the steps around it.
        Speaks when at least `passes_share` of the passes lie below `ratio` of them, by `noise` standard errors and
        `material` of what a constant prediction loses, and the network has no layer that behaves differently while
        it trains: a note. And a warning where the network learns (its training loss ends under `learnt` of what a
        constant prediction loses) while every pass, the first included, lies above `foreign` times that and gets less
        than `below_chance` of the samples right that guessing by the training's class shares would; or where every pass
        loses `absurd` times what a constant does: no network gets so far from there by learning samples by heart.

    Why is this bad:
        New data should be no easier than those trained on. Often the validation set holds training samples, or the
        easy ones, or labels leak into its inputs. Where it is worse than guessing from the first pass on, it holds other
        classes, or its labels or inputs were prepared in another way: its figures say nothing about the network.

    Fix:
        Look at how the data were split; evaluate the training data in the same way and compare.

    Known problems:
        Augmented training data are harder than plain validation data, and mixed or smoothed labels raise the training
        loss: then it is as it should be. Hence a note. A network that has learnt its samples by heart does as well as
        guessing on new ones, not worse: it is told by overfitting.

    Example:
        A table split by date whose later rows repeat the earlier ones

    References:
        Kapoor & Narayanan 2023, Leakage and the reproducibility crisis, https://doi.org/10.1016/j.patter.2023.100804;
        the ratio is that of the detectors runmedic (0.9) and finetune-doctor (0.8), lowered. 1.5, 10 and 0.5: of the programs of
        tests/challenges whose network learns, the best pass of a set of another kind loses 3.8 and 154 times what a constant
        does (one with none right), that of any other at most 1.3 times, and at least as many right as by guessing.
    """
    yield from _foreign(training, foreign, learnt, below_chance, absurd, min_passes)
    if any(layer.role == "dropout" or "batchnorm" in layer.type.lower() for layer in training.layers):
        return
    for pair in trend.pairs(training, passes=min_passes):
        if not pair.comparable_levels:
            continue
        steps, losses = trend.finite_passes(pair.evaluation)
        width = max(10.0, float(np.median(np.diff(steps))) / 2 if len(steps) > 1 else 10.0)
        near = [pair.training.values[np.abs(pair.training.steps - step) <= width] for step in steps]
        levels = np.array([part.mean() if len(part) else np.nan for part in near])
        errors = np.array([jitter(part) / np.sqrt(len(part)) if len(part) > 1 else np.nan for part in near])
        passes = pair.evaluation.noise[np.isfinite(pair.evaluation.loss)]
        errors = np.hypot(errors, np.where(np.isfinite(passes), passes, 0.0))
        scale = trend.reference(training, pair.site, float(losses[0]))
        lower = (levels > 0) & (losses < ratio * levels) & (levels - losses > noise * errors) & (levels - losses > material * scale)
        share = float(np.mean(lower))
        if share < passes_share:
            continue
        typical = float(np.median((losses / levels)[lower]))
        yield Finding(
            message=f"{pair.evaluation.name} loss is {typical:.2f} of the training loss around it in "
            f"{int(lower.sum())} of {len(losses)} passes",
            places=(pair.evaluation.id,),
            evidence=(
                Evidence(
                    "evaluation_loss",
                    pair.evaluation.id,
                    (int(steps[0]), int(steps[-1])),
                    typical,
                    "below",
                    ratio,
                    "ratio",
                    "median of validation / training in those passes",
                ),
            ),
            severity="note",
            confidence=0.5,
            steps=(int(steps[0]), int(steps[-1])),
            fix=Fix("look for training samples in the validation data, and evaluate the training data in the same way"),
            source=pair.evaluation.site.source,
        )
        return


def _foreign(
    training: Training, foreign: float, learnt: float, below_chance: float, absurd: float, least: int
) -> Iterator[Finding]:
    """A set on which a network that learns does worse than guessing, from the first pass on."""
    for pair in trend.pairs(training, passes=least):
        steps, losses = trend.finite_passes(pair.evaluation)
        constant, level = signs.chance_loss(training, pair.site), signs.middle(signs.late(pair.training))
        if not (constant > 0 and pair.comparable_levels and level < learnt * constant):
            continue
        span = (int(steps[0]), int(steps[-1]))
        lowest = float(losses.min())
        guessing = _below_guessing(training, pair, below_chance, span) if lowest > foreign * constant else None
        if guessing is not None:
            right, seen = guessing
            message = f"{pair.evaluation.name} gets {seen.value:.1%} right at best, guessing {right:.1%}, and loses {lowest:.3g} at least"
        elif lowest > absurd * constant:
            seen = Evidence(
                "evaluation_loss", pair.evaluation.id, span, lowest, "above", absurd * constant, "loss", "best pass"
            )
            message = f"{pair.evaluation.name} loses {lowest:.3g} at least"
        else:
            continue
        yield Finding(
            message=f"{message}, a constant prediction {constant:.3g}, while the training loss falls to {level:.3g}",
            places=(pair.evaluation.id,),
            evidence=(seen,),
            severity="warning",
            confidence=0.85,
            steps=span,
            fix=Fix(
                "compare the labels and the inputs of both sets, and what is done to them (scaling above all); shuffle the "
                "samples before they are split",
                "print(x_train.mean(), x_train.std(), x_val.mean(), x_val.std())",
            ),
            source=pair.evaluation.site.source,
        )
        return


def _below_guessing(
    training: Training, pair: trend.Pair, below_chance: float, span: tuple[int, int]
) -> tuple[float, Evidence] | None:
    """What guessing gets right, and the evidence that the best pass gets clearly less."""
    shares = signs.class_shares(training, pair.site)
    right = pair.evaluation.accuracy[np.isfinite(pair.evaluation.loss)]
    samples = signs.middle(pair.evaluation.samples[np.isfinite(pair.evaluation.samples)])
    if not (len(shares) and np.isfinite(right).all() and samples > 0):
        return None
    guess, best = float((shares**2).sum()), float(right.max())
    certain = guess - best > 3 * np.sqrt(guess * (1 - guess) / samples)
    if not (best < below_chance * guess and certain):
        return None
    limit = below_chance * guess
    return guess, Evidence("evaluation_accuracy", pair.evaluation.id, span, best, "below", limit, "share", "best pass")
