from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from diagnose.drawn_code import cut_code
from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Floats, Layer, Training

WEIGHTED = ("linear", "convolution", "recurrent")


@rule(
    needs=("unit_std",),
    symptoms=(
        "constant-output",
        "underfitting",
        "loss-not-decreasing",
        "vanishing-gradients",
        "dead-units",
        "stopped-too-early",
        "learning-rate-too-low",
    ),
    kinds=("vae", "autoencoder"),
)
def latent_collapse(
    training: Training, *, active: float = 0.1, copied: float = 0.5, min_snapshots: int = 5
) -> Iterator[Finding]:
    """The code no longer says anything about the input.

    What it does:
        Finds the code: the layers whose outputs are the mean and the spread of the drawn code of a variational autoencoder
        (where it is drawn without a gradient: two sisters from which nothing flows on), else the narrowest layer. A variational
        code none of whose units has a standard deviation over the data above `active` has collapsed if the reconstructions
        differ by less than `copied` of what the targets do, or the noise that is added is 1/`active` times as large; a plain one
        has if its units vary as little relative to their start, and the reconstructions too.

    Why is this bad:
        The decoder then answers with one mean image for all inputs; the encoder gets no gradient to get away from
        there. Mostly the KL term outweighs the reconstruction: one is summed, the other averaged. Or the code is drawn by
        `sample()` or `torch.normal`, which are cut off from the graph: the encoder learns from the KL term alone.

    Fix:
        Sum the reconstruction over all elements as the KL term is summed over all units, warm the KL term up from 0, or
        weigh it by less than 1. Draw the code by `rsample()`, or as mean plus spread times noise.

    Known problems:
        Some unused units are normal, and only a code without any used unit is reported. A code drawn in a way other
        than mean plus spread times noise, or without a gradient from one layer that gives both, is judged as a plain one.

    Example:
        `F.mse_loss(x_hat, x) + kl.sum(1).mean()` for images of 784 pixels

    References:
        Burda et al. 2016, Importance Weighted Autoencoders, section 5 (a unit is active when the variance of its mean over
        the data is above 0.01, hence 0.1; against noise of 1, and so it is held against other noise),
        https://arxiv.org/abs/1509.00519; Bowman et al. 2016, https://arxiv.org/abs/1511.06349. Drawn without a gradient:
        https://github.com/pytorch/pytorch/issues/4620; the largest unit then had 0.002 at the mean and 0.008 at the spread,
        and 1.06 and 0.21 with a gradient.
    """
    drawn = _drawn(training) if training.kind == "vae" else ()
    found = cut_code(training) if training.kind == "vae" else None
    cut = () if found is None else (found.one, found.other)
    drawn = cut or drawn
    layers = drawn or _narrowest(training)
    widest: tuple[float, Layer] | None = None
    for layer in layers:
        stds = _late(training, layer, min_snapshots)
        if stds is None:
            return
        largest = float(stds.max())
        if widest is None or largest > widest[0]:
            widest = largest, layer
    if widest is None:
        return
    value, layer = widest
    alike = _alike(training)
    series = training.series("unit_std", layer.path).finite()
    limit = active if drawn else active * float(np.median(series.values[:3].max(axis=1)))
    drowned = _drowned(training, layer, value, active) if drawn else False
    if value >= limit or not (alike < copied or (drawn and np.isnan(alike)) or drowned):
        return
    units = series.values.shape[1]
    share = f", and the reconstructions differ by {alike:.0%} of what the targets do" if not np.isnan(alike) else ""
    without = f"; no gradient comes back to {' and '.join(la.path for la in cut)} through what is drawn" if cut else ""
    yield Finding(
        message=f"all {units} units of the code {layer.path} are constant: the largest standard deviation over "
        "the data is "
        f"{value:.2g}{share}{without}",
        places=tuple(la.path for la in cut) or (layer.path,),
        evidence=(
            Evidence("unit_std", layer.path, series.span, value, "below", limit, statistic="largest unit, at the end"),
        ),
        severity="error",
        confidence=0.9 if drawn else 0.75,
        steps=signs.span(training),
        fix=Fix("draw the code so that the gradient passes: rsample() instead of sample()", "z = mean + spread * torch.randn_like(spread)")
        if cut
        else Fix(
            "sum the reconstruction over the elements of a sample as the KL term is summed over the code, or "
            "weigh the KL term by less"
            if drawn
            else f"a wider code than {units} units, without an activation that can die, and a smaller learning rate",
            "loss = F.mse_loss(x_hat, x, reduction='sum') / len(x) + kl" if drawn else None,
        ),
        source=layer.source,
    )


def _drowned(training: Training, mean: Layer, value: float, active: float) -> bool:
    """Whether a code varies by less than `active` of the noise that is added to it: then nothing of it comes through, though
    the answers differ by what the decoder is told besides."""
    for edge in training.edges:
        noise, spread = training.layer(edge.target), training.layer(edge.source)
        if noise is not None and noise.activation == "exp" and spread is not None and spread.shape == mean.shape:
            size = training.series("output_mean", noise.path).finite()
            if len(size) and signs.tells_end(training, size):
                return value < active * signs.middle(size.values[-max(3, len(size) // 5) :])
    return False


def _late(training: Training, layer: Layer, least: int) -> Floats | None:
    """Each unit's standard deviation at the end; None with too few snapshots."""
    series = training.series("unit_std", layer.path).finite()
    if len(series) < least or series.values.ndim != 2 or not signs.tells_end(training, series):
        return None
    return np.asarray(np.median(series.values[-max(3, len(series) // 5) :], axis=0))


def _drawn(training: Training) -> tuple[Layer, ...]:
    """The layers that give the mean and the spread of a drawn code: one is exponentiated, both have one source."""
    into = {e.target: e.source for e in training.edges}
    spread = {e.source for e in training.edges if "exp" in e.operations}
    spread |= {
        e.source for e in training.edges if (la := training.layer(e.target)) is not None and la.activation == "exp"
    }
    for path in spread:
        layer = training.layer(path)
        if layer is None or layer.role not in WEIGHTED:
            continue
        means = tuple(
            other
            for other in training.layers
            if other.path != path
            and other.shape == layer.shape
            and into.get(other.path) == into.get(path)
            and other.role in WEIGHTED
        )
        return means[:1] or (layer,)  # one layer for both, split afterwards
    return ()


def _narrowest(training: Training) -> tuple[Layer, ...]:
    layers = [la for la in training.layers if la.role in WEIGHTED and la.shape and len(la.shape) > 1]
    inner = layers[:-1]
    return (min(inner, key=lambda la: prod((la.shape or ())[1:])),) if inner else ()


def _alike(training: Training) -> float:
    """How much the reconstructions differ across samples at the end, as a share of how much the targets do."""
    for site in training.training_losses:
        made = signs.middle(signs.at_end(training, "loss_input_std_across", site.id))
        wanted = signs.typical(training, "loss_target_std_across", site.id)
        if wanted > 0:
            return made / wanted
    return float("nan")
