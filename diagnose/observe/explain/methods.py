"""The ways of attribution, each a few lines around captum: `way(work, rows) -> one tensor an input, (rows, …)`.

Every way works on the samples `rows` of a subject and gives, for each of its inputs, how much each value contributed to
the explained number. Captum: Kokhlikyan et al. 2020, https://arxiv.org/abs/2009.07896.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diagnose.observe.explain.budget import Budget
from diagnose.observe.explain.kinds import channel_axis, time_axis
from diagnose.observe.explain.subject import CannotExplain, Input, Subject

STEPS = 32  # of the path integral; doubled until the completeness gap is small enough
MOST_STEPS = 256  # Sundararajan et al. 2017 need 20 to 300
GAP = 0.05  # of the score's change: "within 5 %", Sundararajan et al. 2017, section 5
PERMUTATIONS = 25  # of Shapley values by sampling (captum's default)
PATCHES = 7  # a side that an image is cut into for occlusion, at most
WINDOWS = 24  # along time


@dataclass
class Work:
    """A subject with what every way needs."""

    subject: Subject
    budget: Budget
    chosen: Tensor | None
    layer: nn.Module | None = None  # for layer Grad-CAM
    most_steps: int = MOST_STEPS  # of the path integral
    steps: int | None = None  # that were taken: checks and importance use as many
    wanting: bool = False  # more would have been needed

    def forward(self, *given: Tensor) -> Tensor:
        """The explained number of each sample: the inputs' values, then the samples' numbers."""
        *values, rows = given
        score = self.subject.score(rows, self.subject.predict(rows, values), self.chosen, values)
        for value in values:  # an input that is not used has a gradient of zero, not none
            score = score + 0 * value.flatten(1).sum(1)
        return score

    def change(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(rows,) twice: the explained number of the samples, and of their baselines."""
        parts = rows.split(self.budget.batch)
        with torch.no_grad():
            whole = torch.cat([self.forward(*self.values(part), part) for part in parts])
            empty = torch.cat([self.forward(*self.baselines(len(part)), part) for part in parts])
        return whole, empty

    def baselines(self, amount: int) -> tuple[Tensor, ...]:
        """Of every input, (amount, …)."""
        return tuple(i.baseline.expand(amount, *i.baseline.shape) for i in self.subject.inputs)

    def values(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Of every input, (rows, …)."""
        return tuple(given.values(rows).clone() for given in self.subject.inputs)


Way = Callable[[Work, Tensor], tuple[Tensor, ...]]


def integrated_gradients(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """Gradients summed on the way from the baseline (Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365)."""
    from captum.attr import IntegratedGradients

    values, baselines = work.values(rows), work.baselines(len(rows))
    engine = IntegratedGradients(work.forward)
    whole, empty = work.change(rows)
    steps = work.steps or min(STEPS, work.most_steps)
    while True:
        found = engine.attribute(
            values, baselines, additional_forward_args=rows, n_steps=steps, method="gausslegendre",
            internal_batch_size=max(len(rows), work.budget.batch),
        )  # fmt: skip
        if work.steps is not None:
            return tuple(found)
        short = _gap(found, whole - empty) >= GAP
        if not short or 2 * steps > work.most_steps:
            work.steps, work.wanting = steps, short
            return tuple(found)
        steps *= 2


def _gap(found: tuple[Tensor, ...], change: Tensor) -> float:
    total = torch.stack([part.flatten(1).sum(1) for part in found]).sum(0)
    return float(((total - change).abs() / change.abs().clamp_min(1e-12)).median())


def input_x_gradient(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """The gradient at the sample times the value's distance from nothing (Shrikumar et al. 2016)."""
    from captum.attr import InputXGradient

    return tuple(InputXGradient(work.forward).attribute(work.values(rows), additional_forward_args=rows))


def saliency(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """The magnitude of the gradient (Simonyan et al. 2014, https://arxiv.org/abs/1312.6034)."""
    from captum.attr import Saliency

    return tuple(Saliency(work.forward).attribute(work.values(rows), additional_forward_args=rows))


def feature_ablation(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """One feature after the other is set to its baseline."""
    from captum.attr import FeatureAblation

    engine = FeatureAblation(work.forward)
    masks = tuple(_each(given) for given in work.subject.inputs)
    return tuple(engine.attribute(
        work.values(rows), work.baselines(len(rows)), additional_forward_args=rows, feature_mask=_numbered(masks),
        perturbations_per_eval=max(1, work.budget.batch // len(rows)),
    ))  # fmt: skip


def shapley_sampling(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """The mean effect of a feature over orders of ablation (Štrumbelj & Kononenko 2010; Castro et al. 2009)."""
    from captum.attr import ShapleyValueSampling

    engine = ShapleyValueSampling(work.forward)
    masks = tuple(_each(given) for given in work.subject.inputs)
    return tuple(engine.attribute(
        work.values(rows), work.baselines(len(rows)), additional_forward_args=rows, feature_mask=_numbered(masks),
        n_samples=PERMUTATIONS, perturbations_per_eval=max(1, work.budget.batch // len(rows)),
    ))  # fmt: skip


def occlusion(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """A window over the input is set to the baseline, at one place after the other (Zeiler & Fergus 2014)."""
    from captum.attr import FeatureAblation

    engine = FeatureAblation(work.forward)
    masks = tuple(windows_of(given, work.subject) for given in work.subject.inputs)
    found = engine.attribute(
        work.values(rows), work.baselines(len(rows)), additional_forward_args=rows, feature_mask=_numbered(masks),
        perturbations_per_eval=max(1, work.budget.batch // len(rows)),
    )  # fmt: skip
    # a window's effect is shared out over its values, so that maps of several window sizes can be compared
    return tuple(part / counts for part, counts in zip(found, map(_sizes, masks), strict=True))


def grad_cam(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """The last convolution's maps weighted by their gradients (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391)."""
    from captum.attr import LayerAttribution, LayerGradCam

    if work.layer is None:
        raise CannotExplain("it has no convolution whose maps keep the image's plane; use occlusion")
    found = LayerGradCam(work.forward, work.layer).attribute(
        tuple(v.requires_grad_() for v in work.values(rows)), additional_forward_args=rows, relu_attributions=True
    )
    maps = []
    for given in work.subject.inputs:
        axis = channel_axis(given)
        plane = [n for i, n in enumerate(given.shape) if i != axis]
        shown = LayerAttribution.interpolate(found, tuple(plane), interpolate_mode="bilinear")  # (rows, 1, height, width)
        if axis is None:
            maps.append(shown[:, 0])
        else:
            maps.append(shown.movedim(1, 1 + axis).expand(len(rows), *given.shape) / given.shape[axis])
    return tuple(part.detach() for part in maps)


def deep_lift(work: Work, rows: Tensor) -> tuple[Tensor, ...]:
    """Differences from the baseline passed back by rescaling (Shrikumar et al. 2017, https://arxiv.org/abs/1704.02685)."""
    from captum.attr import DeepLift

    from diagnose.observe.explain.lifted import Lifted

    engine = DeepLift(Lifted(work))
    values, baselines = work.values(rows), work.baselines(len(rows))
    return tuple(engine.attribute(values, baselines, additional_forward_args=rows))


WAYS: dict[str, Way] = {
    "integrated-gradients": integrated_gradients,
    "occlusion": occlusion,
    "grad-cam": grad_cam,
    "feature-ablation": feature_ablation,
    "shapley-sampling": shapley_sampling,
    "deep-lift": deep_lift,
    "input-x-gradient": input_x_gradient,
    "saliency": saliency,
}
COMPLETE = ("integrated-gradients", "shapley-sampling", "deep-lift")  # whose maps sum to the score's change


def maps_of(work: Work, name: str, rows: Tensor) -> tuple[Tensor, ...]:
    """The maps of a method, of each input (rows, …), as many samples at once as memory allows."""
    parts = [WAYS[name](work, part) for part in rows.split(work.budget.batch)]
    return tuple(torch.cat([found[place].detach() for found in parts]) for place in range(len(work.subject.inputs)))


def _each(given: Input) -> Tensor:
    """Every value a feature; every symbol one."""
    count = int(torch.tensor(given.shape).prod()) if given.shape else 1
    mask = torch.arange(count).reshape(given.shape)
    return _wide(mask, given)


def windows_of(given: Input, subject: Subject) -> Tensor:
    """The number of each value's window: patches of an image over all channels, stretches of time, else single values."""
    shape = given.shape
    if given.kind == "image":
        axis = channel_axis(given)
        height, width = (n for i, n in enumerate(shape) if i != axis)
        rows, columns = (torch.arange(n) * min(PATCHES, n) // n for n in (height, width))
        mask = rows[:, None] * min(PATCHES, width) + columns[None]
        return mask if axis is None else mask.unsqueeze(axis).expand(shape)
    if given.kind in ("series", "tokens"):
        time = time_axis(given, subject)
        length = shape[time]
        windows = torch.arange(length) * min(WINDOWS, length) // length
        if len(shape) == 1:
            return _wide(windows, given)
        channels = torch.arange(shape[1 - time])
        mask = windows[:, None] * len(channels) + channels[None]  # (time, channels)
        return mask if time == 0 else mask.T
    return _each(given)


def _wide(mask: Tensor, given: Input) -> Tensor:
    """The mask over the width of an embedded symbol."""
    return mask if given.embedding is None else mask.unsqueeze(-1).expand(*mask.shape, given.baseline.shape[-1])


def _sizes(mask: Tensor) -> Tensor:
    """How many values each value's window holds."""
    _, inverse, counts = torch.unique(mask, return_inverse=True, return_counts=True)
    sizes: Tensor = counts[inverse]
    return sizes


def _numbered(masks: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Masks of several inputs with no number in common, without gaps, with a batch of one."""
    found, first = [], 0
    for mask in masks:
        numbers, inverse = torch.unique(mask, return_inverse=True)
        found.append((inverse + first).unsqueeze(0))
        first += len(numbers)
    return tuple(found)
