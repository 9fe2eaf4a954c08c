"""What a click on a layer shows: its outputs' histogram over time, packed for the page's script."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np

from diagnose.report.page.png import packed
from diagnose.report.words import number, plain
from diagnose.run import Layer, Training

TIMES = 40  # snapshots of a histogram that are kept, evenly chosen
MOST = 400  # layers with histograms


def details(training: Training, places: Container[str]) -> dict[str, Any]:
    """Facts of the layers that the page names (`places`), and their histograms.

    Histograms are bytes (layer, time, bin), the fullest bin of each time 255; ranges are float32 (layer, time, 2).
    """
    recorded = set(training.places("output_histogram"))
    histograms = [one for one in training.layers if one.path in recorded and plain(one.path) in places][:MOST]
    steps: list[int] = []
    shares, ranges = [], []
    if histograms:
        seen = training.series("output_histogram", histograms[0].path)
        chosen = np.unique(np.linspace(0, len(seen) - 1, min(TIMES, len(seen))).round().astype(int))
        steps = [int(step) for step in seen.steps[chosen]]
        for layer in histograms:
            series = training.series("output_histogram", layer.path)
            at = np.clip(np.searchsorted(series.steps, steps), 0, len(series) - 1)
            counts = np.nan_to_num(series.values[at])
            fullest = np.maximum(counts.max(axis=1, keepdims=True), 1e-30)
            shares.append(np.round(counts / fullest * 255).astype(np.uint8))
            ranges.append(np.stack([_along(training, f"output_{end}", layer, steps) for end in ("min", "max")], axis=1))
    return {
        "last": max(training.steps - 1, 1),
        "layers": {plain(layer.path): _told(layer) for layer in training.layers if plain(layer.path) in places},
        "histograms": [{
            "side": "",
            "layers": [plain(layer.path) for layer in histograms],
            "steps": steps,
            "bins": int(shares[0].shape[1]) if shares else 0,
            "shares": packed(np.stack(shares)) if shares else "",
            "ranges": packed(np.stack(ranges).astype("<f4").view(np.uint8)) if ranges else "",
        }],
    }


def _along(training: Training, quantity: str, layer: Layer, steps: list[int]) -> np.ndarray[Any, Any]:
    series = training.series(quantity, layer.path)
    if not len(series):
        return np.full(len(steps), np.nan)
    return series.values[np.clip(np.searchsorted(series.steps, steps), 0, len(series) - 1)]


def _told(layer: Layer) -> str:
    settings = ", ".join(f"{plain(key)} {_value(value)}" for key, value in layer.settings.items() if value is not None)
    source = f", {plain(layer.source)}" if layer.source else ""
    shape = f" → {' × '.join(map(str, layer.shape))}" if layer.shape else ""
    return f"{plain(layer.type)}{shape}{f' ({settings})' if settings else ''}{source}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(float(value)) if isinstance(value, int | float) else plain(value)
