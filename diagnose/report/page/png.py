"""A picture of a matrix: an indexed PNG, whose bytes the page's script reads back as values."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def png(indices: Bytes, palette: Bytes) -> str:
    """A `data:` address of a PNG of `indices` (height, width) in colours of `palette` (256, 3); index 0 is transparent.

    Rows are stored without a filter, so that inflating the image data gives the indices, each row after one zero byte.

    References:
        PNG (third edition), W3C 2025, https://www.w3.org/TR/png-3/
    """
    height, width = indices.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = indices
    data = (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", palette.astype(np.uint8).tobytes())
        + _chunk(b"tRNS", b"\x00")
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def packed(values: Bytes) -> str:
    """Bytes for the page's script: deflated, as base64."""
    return base64.b64encode(zlib.compress(values.tobytes(), 9)).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
