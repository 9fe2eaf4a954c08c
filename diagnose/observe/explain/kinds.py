"""What an input is, and what stands for its absence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diagnose.observe.explain.padding import padding_of
from diagnose.observe.explain.subject import Input, Subject, spread

CHANNELS = (1, 3, 4)
BACKGROUND = 0.25  # of all values equal: the background of the images; handwritten digits have about half
SMALLEST = 5  # pixels a side of what may be an image


def settle(subject: Subject) -> None:
    """Fills in kind and baseline of every input."""
    for given in subject.inputs:
        given.kind = kind_of(given, subject)
        given.padding = padding_of(given)
        given.baseline, given.said = baseline_of(given, subject)


def kind_of(given: Input, subject: Subject) -> str:
    """image, tabular, tokens, series or other, by the shape of a sample and the layers of the network."""
    if given.embedding is not None:
        return "tokens"
    shape = given.shape
    if len(shape) == 1:
        return "tabular"
    along_time = any(isinstance(m, (nn.RNNBase, nn.RNNCellBase, nn.Conv1d, nn.MultiheadAttention)) for m in subject.model.modules())
    planar = any(isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) for m in subject.model.modules())
    if len(shape) == 3 and (planar or shape[0] in CHANNELS or shape[2] in CHANNELS) and min(sorted(shape)[1:]) >= SMALLEST:
        return "image"
    if len(shape) == 2:
        if along_time:
            return "series"
        if min(shape) >= SMALLEST and max(shape) <= 4 * min(shape):
            return "image"
        return "series"
    return "other"


def channel_axis(given: Input) -> int | None:
    """Of an image's sample (0 or 2), None where it has but one plane."""
    shape = given.shape
    if given.kind != "image" or len(shape) != 3:
        return None
    return 2 if shape[2] in CHANNELS and shape[0] not in CHANNELS else 0


def time_axis(given: Input, subject: Subject) -> int:
    """Of a series' or a text's sample: 0, or the last where a convolution runs over it."""
    if given.kind != "series" or len(given.shape) == 1:
        return 0
    for module in subject.model.modules():
        if isinstance(module, nn.RNNBase | nn.MultiheadAttention):
            return 0
        if isinstance(module, nn.Conv1d):
            return 1 if given.shape[0] == module.in_channels else 0
    return 0


def baseline_of(given: Input, subject: Subject) -> tuple[Tensor, str]:
    """What stands for "absent", in the shape of `values` without the batch.

    A baseline decides what a map means (Sturmfels et al. 2020, https://doi.org/10.23915/distill.00022): for images their
    background, where one value is common enough to be one; for numbers their mean over the kept samples; for symbols the
    zero vector (Sundararajan et al. 2017, section 3), or where texts are padded the mean symbol: held against itself, the
    padding would count for nothing, whatever it does.
    """
    if given.embedding is not None:
        width = given.values(torch.arange(1)).shape[-1]
        if given.padding is None:
            return torch.zeros(*given.shape, width), "the zero vector in place of each embedded symbol"
        content, counts = given.raw[given.raw != given.padding].unique(return_counts=True)
        with torch.no_grad():
            mean = (given.embedding(content) * (counts / counts.sum())[:, None]).sum(0)
        said = f"the mean embedded symbol, in place of the padding (symbol {given.padding}) too"
        return mean.expand(*given.shape, width).clone(), said
    values = given.raw
    if given.kind == "image":
        some = values[spread(len(values), 64)]
        levels, counts = torch.unique(some, return_counts=True)
        most = int(counts.argmax())
        if float(counts[most]) >= BACKGROUND * some.numel():
            level = float(levels[most])
            return torch.full_like(values[0], level), f"the background, {level:.3g} everywhere"
        return values.mean(0), f"the mean image of {len(values)} samples"
    if given.kind == "series":
        axes = (0, 1 + time_axis(given, subject)) if values.dim() > 2 else (0, 1)
        mean = values.mean(axes, keepdim=True)[0].expand_as(values[0]).clone()
        return mean, f"the mean over time and {len(values)} samples, the same at all times"
    return values.mean(0), f"the mean of each value over {len(values)} samples"
