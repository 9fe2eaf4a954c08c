"""Whether a training is adversarial: networks that alternate, one judging what the other makes."""

from __future__ import annotations

from math import prod

import numpy as np

from diagnose.run import Floats, LossSite, Training

BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss", "soft_margin_loss")
QUANTITIES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss", "poisson_nll_loss")


def against_each_other(training: Training) -> str | None:
    """Two optimizers, each with a backward of its own, over networks of which one feeds the other."""
    if len(training.optimizers) < 2 or not _alternating(training):
        return None
    verdicts = [site for site in training.training_losses if _judges_origin(training, site)]
    regressed = [site for site in training.training_losses if site.function in QUANTITIES and site not in verdicts]
    feeding = _fed(training) or _reached(training)
    if len(verdicts) >= 2 or (verdicts and feeding):
        what = f"{len(verdicts)} losses with constant targets ({verdicts[0].function})"
    elif feeding and not regressed:
        what = f"{feeding[0]} feeds {feeding[1]}, which another optimizer trains"
    else:
        return None
    return f"{len(training.optimizers)} optimizers alternate, each with its own backward; {what}"


def _alternating(training: Training) -> bool:
    """Whether every optimizer steps after backwards of its own, again and again."""
    which, backwards = training.series("optimizer"), training.series("backwards")
    if len(which) < 2:
        return False
    numbers = which.values
    if np.count_nonzero(np.diff(numbers)) < min(4, len(numbers) - 1):
        return False
    if len(backwards) != len(which):
        return True
    shares = [np.mean(backwards.values[numbers == n] > 0) for n in np.unique(numbers)]
    return bool(min(shares) > 0.9)


def _judges_origin(training: Training, site: LossSite) -> bool:
    """Whether all targets of a call are one value (real, or fake): the loss of a discriminator or its generator."""
    if site.function not in (*BINARY, "mse_loss", "cross_entropy", "nll_loss"):
        return False
    if site.function in ("cross_entropy", "nll_loss"):
        counts = training.series("class_count", site.id).finite().values
        return counts.ndim == 2 and len(counts) > 0 and bool(np.all((counts > 0).sum(axis=1) == 1)) and _few(site) > 1
    low, high = values(training, "loss_target_min", site), values(training, "loss_target_max", site)
    count = min(len(low), len(high))
    return count > 0 and bool(np.all(np.abs(high[:count] - low[:count]) < 1e-6)) and _few(site) > 1


def _reached(training: Training) -> tuple[str, str] | None:
    """Two networks: the backward of the first's optimizer runs through the second, which another one trains."""
    streams = [facts for facts in training.facts.get("streams", {}).values() if isinstance(facts, dict)]
    own = [set(facts.get("network_types") or ()) for facts in streams]
    for facts, mine in zip(streams, own, strict=True):
        theirs = set().union(*(names for names in own if names is not mine)) - mine
        through = sorted(theirs & set(facts.get("reaches") or ()))
        if mine and through:
            return sorted(mine)[0], through[0]
    return None


def _few(site: LossSite) -> int:
    return prod(site.target_shape or (0,))


def _fed(training: Training) -> tuple[str, str] | None:
    """Two networks such that the first's output flows into the second, each trained by another optimizer."""
    owner: dict[str, int] = {}
    for parameter in training.parameters:
        if parameter.optimizer is not None and parameter.optimized and parameter.trainable:
            owner[parameter.layer] = parameter.optimizer
    downstream: dict[str, list[str]] = {}
    for edge in training.edges:
        downstream.setdefault(edge.source, []).append(edge.target)
    for layer, optimizer in owner.items():
        seen, queue = {layer}, [layer]
        while queue:
            for target in downstream.get(queue.pop(), ()):
                if target in seen:
                    continue
                if owner.get(target, optimizer) != optimizer:
                    return layer, target
                seen.add(target)
                queue.append(target)
    return None


def values(training: Training, quantity: str, site: LossSite) -> Floats:
    """What is finite of a quantity at a loss."""
    return training.series(quantity, site.id).finite().values
