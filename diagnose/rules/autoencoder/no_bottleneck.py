from __future__ import annotations

from collections.abc import Iterator
from math import prod

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Layer, LossSite, Training


@rule(needs=("losses",), symptoms=(), kinds=("autoencoder",))
def no_bottleneck(training: Training, *, learnt: float = 0.05, penalty: float = 0.01, wider: float = 2.0) -> Iterator[Finding]:
    """The code is as wide as the input: the autoencoder may just copy.

    What it does:
        Compares the narrowest layer of an autoencoder with its input. As wide or wider, or with a way round it that nowhere
        is narrower than the input (skip connections), with no dropout, and no penalty on top of the reconstruction (the
        loss is within `penalty` of it), is reported: a warning where less than `learnt` of a constant reconstruction's loss
        remains, or the narrowest layer is `wider` times as wide as the input, else a note. Also a sum in front of the loss, where
        weights as they were drawn leave less than `learnt` already and training less than `learnt` of that: what is added
        is the input.

    Why is this bad:
        The identity has no error at all and needs no understanding of the data: anomalies are copied as well as normal
        samples, and the code is the input in other words.

    Fix:
        A code of a tenth of the input's width, noise on the input (denoising), or a penalty on the code (sparse).

    Known problems:
        Weight decay alone can act as a penalty and is not looked at.

    Example:
        `nn.Sequential(nn.Linear(9, 32), nn.ReLU(), nn.Linear(32, 9))`

    References:
        Goodfellow et al. 2016, Deep Learning, 14.1, Undercomplete Autoencoders, https://www.deeplearningbook.org. 0.05:
        codes of a tenth of the width left 0.06 (linear) and 0.35 of the variance, one of twice the width 0.002; the first
        step of an autoencoder that adds its input left 0.03, that of any other in tests/challenges 0.72 and more.
        2: what remains may be noise that nothing could copy through less; no sound program there has such a code without
        noise on its input or a penalty.
    """
    if any(layer.role == "dropout" and float(layer.settings.get("p", 0.5)) > 0 for layer in training.layers):
        return
    layers = [la for la in training.layers if la.role in ("linear", "convolution", "recurrent", "pooling") and la.shape]
    if len(layers) < 2 or not training.inputs:
        return
    widest = max(prod(site.shape[1:]) for site in training.inputs)
    narrowest = min(layers[:-1], key=_width)
    code = _width(narrowest)
    for site in training.training_losses:
        width = prod(site.target_shape[1:]) if site.target_shape else widest
        around = _way_around(training, site.id, width) if code < width else ()
        added = None if around or code >= width else _added(training, site, learnt)
        if (code < width and not around and added is None) or width < 2 or _penalised(training, site, penalty):
            continue
        left = signs.unlearnt(training, site)
        copies, ample = left < learnt, not around and added is None and code >= wider * width
        rest = f", and only {left:.1%} of a constant reconstruction's loss remains" if copies else ""
        if around:
            least = min((la for la in layers if la.path in around), key=_width, default=narrowest)
            what = f"from the input a way leads round the code {narrowest.path} ({code} numbers a sample) to the output, by {least.path}"
            seen = Evidence("code_width", least.path, None, float(_width(least)), "above", width - 0.5, statistic="shape")
        elif added is not None:
            what = f"the first step already left {added.value:.1%} of a constant reconstruction's loss: the input is added behind the code"
            seen = added
        else:
            what = f"the narrowest layer {narrowest.path} has {code} numbers a sample, the input {width}"
            seen = Evidence("code_width", narrowest.path, None, float(code), "above", width - 0.5, statistic="shape")
        yield Finding(
            message=what + rest,
            places=(narrowest.path,),
            evidence=(seen,),
            severity="warning" if copies or ample else "note",
            confidence=0.75 if copies else 0.6 if ample else 0.5,
            steps=signs.span(training),
            fix=Fix("leave out the connections that skip the code, or put noise on the input")
            if around or added is not None
            else Fix(f"a code of about {max(width // 10, 1)} numbers, or noise on the input", _code(narrowest, width)),
            source=narrowest.source,
        )
        return


def _way_around(training: Training, loss: str, width: int) -> tuple[str, ...]:
    """Layers with at least as many numbers as the input by which data get from the input to the loss; none where they cannot."""
    wide = {la.path for la in training.layers if la.shape is None or _width(la) >= width}
    leaving: dict[str, list[str]] = {}
    for edge in training.edges:
        leaving.setdefault(edge.source, []).append(edge.target)
    came: dict[str, str] = {"input": "input"}
    waiting = ["input"]
    while waiting:
        at = waiting.pop(0)
        for target in leaving.get(at, ()):
            if target == loss:
                way = []
                while at != "input":
                    way.append(at)
                    at = came[at]
                return tuple(reversed(way))
            if target in wide and target not in came:
                came[target] = at
                waiting.append(target)
    return ()


def _added(training: Training, site: LossSite, learnt: float) -> Evidence | None:
    """A reconstruction that was as good as learnt before anything was: of a sum, to which no gradient leads from the input."""
    series, chance = signs.site_loss(training, site).finite(), signs.chance_loss(training, site)
    if not len(series) or series.steps[0] > 0 or not chance > 0 or site.operations[:1] != ("add",):
        return None
    first = signs.per_sample(training, site, float(series.values[0])) / chance
    if not (first < learnt and signs.unlearnt(training, site) < learnt * first):
        return None
    return Evidence(series.quantity, site.id, (0, 0), first, "below", learnt, "share", "first / loss of the best constant")


def _width(layer: Layer) -> int:
    return prod((layer.shape or ())[1:])


def _penalised(training: Training, site: LossSite, penalty: float) -> bool:
    """Whether something is added to the reconstruction's loss."""
    whole, part = (
        signs.middle(signs.late(training.series("loss"))),
        signs.middle(signs.late(signs.site_loss(training, site))),
    )
    return part > 0 and abs(whole - part) > penalty * part


def _code(layer: Layer, width: int) -> str | None:
    inputs = layer.settings.get("in_features")
    return f"nn.Linear({inputs}, {max(width // 10, 1)})" if isinstance(inputs, int) else None
