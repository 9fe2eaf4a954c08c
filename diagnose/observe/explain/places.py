"""The places of an input that may decide by themselves: columns of a table, windows and borders of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnose.observe.explain.columns import by_themselves, counts
from diagnose.observe.explain.kinds import channel_axis
from diagnose.observe.explain.subject import Input, Subject

AREA = 1 / 16  # of an image that a shortcut's window takes, at most: a corner mark is smaller than what it marks
FRAME = 1 / 4  # of an image that a frame around it takes, at most
THIN = 1 / 16  # of a side: how wide a border is
ALIKE = 0.95  # of the dearest place's cost: of those the smallest is named
TOP = 3  # features of a table that are tried alone

Plane = NDArray[np.float64]
Corner = tuple[int, int, int, int]  # top, left, height, width


@dataclass(frozen=True, eq=False)
class Place:
    """A part of an input; `mask` has a sample's shape."""

    name: str
    mask: Tensor
    details: dict[str, object]


def columns(subject: Subject, given: Input, mass: Plane, rows: Tensor) -> Iterator[Place]:
    """The columns of a table with the most attribution, and the one that tells the target best by itself."""
    told = np.full(given.shape[0], np.nan)
    if subject.targets is not None:
        told = by_themselves(given.raw[rows], subject.targets[rows], subject.task)
    alone = [int(np.nanargmax(told))] if np.isfinite(told).any() else []
    most = [int(feature) for feature in np.argsort(-mass, kind="stable")[:TOP]]
    for feature in dict.fromkeys([*most, *alone]):
        mask = torch.zeros(given.shape, dtype=torch.bool)
        mask[feature] = True
        details: dict[str, object] = {
            "feature": feature, "counter": counts(given.raw[rows, feature]), "by_itself": float(told[feature]),
        }  # fmt: skip
        yield Place(f"{given.id}[{feature}]", mask, details)


def parts_of_image(given: Input, mass: Plane, cost: Callable[[Place], float]) -> Iterator[Place]:
    """The window that holds the most attribution, and of all windows and borders the one that `cost` says is the dearest."""
    axis = channel_axis(given)
    plane = mass if axis is None else mass.sum(axis)
    found = [_window(given, axis, corner) for corner in (*windows(plane), *sides(*plane.shape))]
    frame = _frame(given, axis)
    costs = {place: cost(place) for place in (*found, *([frame] if frame else []))}
    alike = [place for place, costly in costs.items() if costly >= ALIKE * max(costs.values())]
    dearest = min(alike, key=lambda place: int(place.mask.sum()))
    yield found[0]
    if dearest.name != found[0].name:
        yield dearest


def _window(given: Input, axis: int | None, corner: Corner) -> Place:
    top, left, height, width = corner
    plane = [n for i, n in enumerate(given.shape) if i != axis]
    flat = torch.zeros(plane, dtype=torch.bool)
    flat[top : top + height, left : left + width] = True
    edges = [top == 0, left == 0, top + height == plane[0], left + width == plane[1]]
    small = height < plane[0] and width < plane[1]
    details: dict[str, object] = {"border": any(edges), "corner": small and (edges[0] or edges[2]) and (edges[1] or edges[3])}
    return Place(f"{given.id}[{top}:{top + height},{left}:{left + width}]", _over_channels(flat, given, axis), details)


def _frame(given: Input, axis: int | None) -> Place | None:
    """All four borders at once; None where they would be a large part of a small image."""
    height, width = (n for i, n in enumerate(given.shape) if i != axis)
    thick = max(1, int(THIN * min(height, width)))
    flat = torch.ones(height, width, dtype=torch.bool)
    flat[thick:-thick, thick:-thick] = False
    if float(flat.float().mean()) > FRAME:
        return None
    return Place(f"{given.id} frame", _over_channels(flat, given, axis), {"border": True, "corner": False})


def _over_channels(flat: Tensor, given: Input, axis: int | None) -> Tensor:
    return flat if axis is None else flat.unsqueeze(axis).expand(given.shape).clone()


def windows(plane: Plane) -> list[Corner]:
    """Top, left, height and width of windows: the one that holds the most of the plane, one around its highest value, and
    a grid of them that covers the plane to its borders."""
    heaviest = window(plane)
    _, _, tall, wide = heaviest
    height, width = plane.shape
    row, column = np.unravel_index(int(plane.argmax()), plane.shape)
    around = min(max(0, int(row) - tall // 2), height - tall), min(max(0, int(column) - wide // 2), width - wide), tall, wide
    tops, lefts = (np.linspace(0, n - side, -(-n // side)).round().astype(int) for n, side in ((height, tall), (width, wide)))
    grid = [(int(top), int(left), tall, wide) for top in tops for left in lefts]
    return list(dict.fromkeys([heaviest, around, *grid]))


def sides(height: int, width: int) -> list[Corner]:
    """Thin windows along the four borders."""
    tall, wide = (max(1, round(THIN * side)) for side in (height, width))
    return [(0, 0, tall, width), (height - tall, 0, tall, width), (0, 0, height, wide), (0, width - wide, height, wide)]


def side_of_window(height: int, width: int) -> tuple[int, int]:
    """Height and width of a window that takes `AREA` of a plane."""
    side = max(1, int(math.sqrt(AREA * height * width)))
    return min(side, height), min(side, width)


def window(plane: Plane) -> Corner:
    """Top, left, height and width of the window of at most `AREA` of the plane that holds the most."""
    tall, wide = side_of_window(*plane.shape)
    sums = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = sums[tall:, wide:] - sums[:-tall, wide:] - sums[tall:, :-wide] + sums[:-tall, :-wide]
    top, left = np.unravel_index(int(boxes.argmax()), boxes.shape)
    return int(top), int(left), tall, wide
