"""Inputs and maps as small pictures: one pixel a value, drawn large by the browser."""

from __future__ import annotations

import base64
import io

import numpy as np

from diagnose.explanation import Array

DIVERGING = "RdBu_r"  # red for, blue against, white nothing: ColorBrewer's RdBu, safe for the colour-blind (colorbrewer2.org)
PLAIN = "gray"
LARGEST = 128  # pixels a side; of more, means of blocks
CHANNELS = (3, 4)


def picture_of_input(values: Array) -> str:
    """A `data:` address of a sample: colours where it has three channels, else grey levels from its least to its largest."""
    plane, colours = _plane(values)
    plane = _smaller(plane)
    low, high = float(np.nanmin(plane)), float(np.nanmax(plane))
    share = (plane - low) / (high - low) if high > low else np.zeros_like(plane)
    return _png(share, None if colours else PLAIN, 0.0, 1.0)


def picture_of_map(values: Array, limit: float | None = None) -> str:
    """A `data:` address of a map: red speaks for the explained output, blue against it, the same scale both ways."""
    plane, colours = _plane(values)
    if colours:
        plane = plane.sum(-1)
    plane = _smaller(plane)
    reach = limit or float(np.nanmax(np.abs(plane))) or 1.0
    return _png(plane, DIVERGING, -reach, reach)


def picture_of_importance(values: Array) -> str:
    """A `data:` address of magnitudes, from white to dark."""
    plane, colours = _plane(values)
    plane = _smaller(plane.sum(-1) if colours else plane)
    return _png(plane, "Greys", 0.0, float(np.nanmax(plane)) or 1.0)


def scale() -> str:
    """The diverging scale as a strip, from against to for."""
    return _png(np.linspace(-1, 1, 101)[None], DIVERGING, -1.0, 1.0)


def size_of(values: Array) -> tuple[int, int]:
    """Width and height of a picture of these values, in pixels of its own."""
    plane, _ = _plane(values)
    height, width = _smaller(plane).shape[:2]
    return width, height


def _plane(values: Array) -> tuple[Array, bool]:
    """(height, width), or (height, width, channels) and True for a picture in colours."""
    if values.ndim == 1:
        return values[None], False
    if values.ndim == 2:
        return values, False
    if values.ndim == 3:
        if values.shape[0] in CHANNELS:
            return np.moveaxis(values, 0, -1)[..., :3], True
        if values.shape[-1] in CHANNELS:
            return values[..., :3], True
        if values.shape[0] == 1 or values.shape[-1] != 1:
            return values.sum(0), False
        return values[..., 0], False
    return values.reshape(values.shape[0], -1), False


def _smaller(plane: Array) -> Array:
    """Means of blocks where a side is too long."""
    for axis in (0, 1):
        length = plane.shape[axis]
        if length > LARGEST:
            edges = np.linspace(0, length, LARGEST + 1).astype(int)[:-1]
            sums = np.add.reduceat(plane, edges, axis=axis)
            counts = np.diff(np.append(edges, length)).reshape([-1 if i == axis else 1 for i in range(plane.ndim)])
            plane = sums / counts
    return plane


def _png(plane: Array, colours: str | None, low: float, high: float) -> str:
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    told = np.nan_to_num(plane, nan=0.0)
    if colours is None:
        imsave(buffer, np.clip(told, 0, 1), format="png")
    else:
        imsave(buffer, told, format="png", cmap=colours, vmin=low, vmax=high)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
