"""Layer by step: one quantity at all layers over the whole training as a picture, with the numbers in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from diagnose.report.page.png import Bytes, png
from diagnose.report.page.scale import Axis
from diagnose.report.page.svg import step_ticks
from diagnose.report.words import number, plain
from diagnose.run import Floats, Matrix, Training

COLUMNS = 480  # across; a snapshot or the most extreme of several
ROWS = 400  # layers drawn; of more, those with the most extreme values
Scale = tuple[float, float]  # its low and its high end
NOT_MEASURED, ZERO, FIRST, LAST, INFINITE = 0, 1, 2, 254, 255  # indices of colours: FIRST…LAST are the scale
# viridis, https://bids.github.io/colormap/ (CC0): even steps of lightness, also for the colour-blind
VIRIDIS = (
    (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137), (53, 183, 121),
    (109, 205, 89), (180, 222, 44), (253, 231, 37),
)  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """What can be shown by layer and step."""

    id: str
    name: str
    explanation: str
    log: bool


QUANTITIES = (
    Quantity(
        "gradient", "Gradient",
        "Size of the weights' gradient (L2 norm): how strongly each layer is told to change. Far smaller in the first "
        "layers than in the last: it vanishes; growing over time: it explodes.", True,
    ),
    Quantity(
        "update", "Update ÷ weight",
        "How much of itself each layer changes in one step. About 0.001 is usual; far below, a layer does not learn; "
        "near 1, it is thrown about.", True,
    ),
    Quantity(
        "dead", "Dead units",
        "Share of units that are zero for every sample: they learn nothing more.", False,
    ),
    Quantity(
        "saturated", "Saturated",
        "Share of outputs at the flat ends of the activation function, where hardly any gradient passes.", False,
    ),
    Quantity(
        "spread", "Output std",
        "Standard deviation of the outputs: steady from layer to layer when the initialisation fits.", True,
    ),
    Quantity("weight", "Weights", "Size of the weights (L2 norm).", True),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A layer's numbers in the table behind the picture, as words."""

    place: str
    first: str
    median: str
    last: str
    worst: str


@dataclass(frozen=True)
class Heat:
    """A picture and what is needed to read it."""

    quantity: Quantity
    places: tuple[str, ...]
    left_out: int
    indices: Bytes  # of the palette: (places, columns of even stretches of steps)
    low: float
    high: float
    steps: tuple[int, ...]
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]  # of the colour scale: share, text
    zeros: bool
    infinite: bool
    missing: bool
    last_step: int

    @property
    def image(self) -> str:
        """The picture as a PNG's address."""
        return png(self.indices, palette())

    @property
    def axis(self) -> Axis:
        """The colour scale."""
        return Axis(self.low, self.high, self.quantity.log)

    @property
    def height(self) -> int:
        """Pixels: rows as high as fits, at least two pixels each."""
        return max(40, len(self.places) * max(2, min(18, 420 // max(1, len(self.places)))))

    @property
    def below(self) -> Markup:
        """The ticks of the steps."""
        return step_ticks(Axis(0.0, float(self.last_step)), self.height)

    @property
    def extent(self) -> str:
        """The scale in words."""
        return f"{number(self.low)} … {number(self.high)}"


def heats(training: Training, last: int | None = None, scales: Mapping[str, Scale] | None = None) -> list[Heat]:
    """A picture for each quantity that was measured somewhere.

    Args:
        last: the last step of the pictures, where that is not the training's.
        scales: the ends of the colour scale by quantity, where pictures are to be compared.
    """
    last = max(training.steps - 1, 1) if last is None else last
    known = scales or {}
    made = (_heat(one, matrix(training, one.id), last, known.get(one.id)) for one in QUANTITIES)
    return [heat for heat in made if heat]


def matrix(training: Training, quantity: str) -> Matrix:
    """A quantity by layer, in forward order; parameters of one layer are taken together."""
    if quantity == "gradient":
        return _by_layer(training, "gradient_norm")
    if quantity == "weight":
        return _by_layer(training, "weight_norm")
    if quantity == "update":
        update, weight = _by_layer(training, "update_norm"), _by_layer(training, "weight_norm")
        at_place = {place: column for column, place in enumerate(weight.places)}
        shared = [place for place in update.places if place in at_place]
        columns = [column for column, place in enumerate(update.places) if place in at_place]
        steps, at, at_weight = np.intersect1d(update.steps, weight.steps, return_indices=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = update.values[at][:, columns] / weight.values[at_weight][:, [at_place[place] for place in shared]]
        return Matrix(quantity, tuple(shared), steps, values, "ratio")
    names = {"dead": "dead_share", "saturated": "saturated_share", "spread": "output_std"}
    return training.matrix(names[quantity])


def _by_layer(training: Training, quantity: str) -> Matrix:
    """Root of the sum of squares over a layer's parameters that are optimized."""
    every = training.matrix(quantity)
    at = {place: column for column, place in enumerate(every.places)}
    layers: dict[str, list[int]] = {}
    for parameter in training.parameters:
        if parameter.path in at and parameter.optimized:
            layers.setdefault(parameter.layer, []).append(at[parameter.path])
    order = {layer.path: position for position, layer in enumerate(training.layers)}
    names = sorted(layers, key=lambda name: order.get(name, len(order)))
    values = np.full((len(every.steps), len(names)), np.nan)
    for column, name in enumerate(names):
        values[:, column] = np.sqrt((every.values[:, layers[name]] ** 2).sum(axis=1))
    return Matrix(quantity, tuple(names), every.steps, values, every.unit)


def _heat(quantity: Quantity, seen: Matrix, last_step: int, scale: Scale | None) -> Heat | None:
    measured = ~np.isnan(seen.values)
    keep = np.flatnonzero(measured.any(axis=0)) if seen.values.size else np.empty(0, int)
    if not len(keep):
        return None
    left_out = max(0, len(keep) - ROWS)
    if left_out:
        keep = np.sort(keep[_extreme(seen.values[:, keep], quantity)[:ROWS]])
    values, places = seen.values[:, keep], [seen.places[column] for column in keep]
    low, high = scale or _scale(values, quantity.log)
    indices = colour_indices(_columns(seen.steps, values, last_step, quantity.log).T, low, high, quantity.log)
    return Heat(
        quantity=quantity, places=tuple(map(plain, places)), left_out=left_out,
        indices=indices, missing=bool((indices == NOT_MEASURED).any()),
        low=low, high=high, steps=tuple(int(step) for step in seen.steps[measured.any(axis=1)]),
        rows=tuple(_row(place, values[:, column]) for column, place in enumerate(places)),
        ticks=_ticks(low, high, quantity.log), zeros=bool(quantity.log and (values == 0).any()),
        infinite=bool(np.isinf(values).any()), last_step=last_step,
    )  # fmt: skip


def _row(place: str, values: Floats) -> Row:
    known = values[~np.isnan(values)]
    told = (known[0], np.median(known), known[-1], known.max())
    return Row(plain(place), *(number(float(value), 2) for value in told))


def _extreme(values: Floats, quantity: Quantity) -> NDArray[np.int64]:
    """Columns, those with the most unusual values first."""
    if not quantity.log:
        return np.argsort(-np.nanmax(values, axis=0), kind="stable")
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(np.maximum(np.nan_to_num(values, nan=np.nan, posinf=1e300), 1e-300))
    centre = np.nanmedian(logs)
    return np.argsort(-np.nanmax(np.abs(logs - centre), axis=0), kind="stable")


def _scale(values: Floats, log: bool) -> Scale:
    """The whole range of what was measured: nothing is cut off; shares always reach from 0 to 1."""
    if not log:
        return 0.0, 1.0
    positive = values[np.isfinite(values) & (values > 0)]
    if not len(positive):
        return 1e-3, 1.0
    low, high = float(positive.min()), float(positive.max())
    return (low, high) if high > low * 1.01 else (low / 2, high * 2)


def _columns(steps: NDArray[np.int64], values: Floats, last_step: int, log: bool) -> Floats:
    """Values on even columns of steps (columns, places): where several of a place's snapshots fall into one, the one
    farthest from its median stays; where none does, the nearest snapshot's. Each place has snapshots of its own: the
    networks of a GAN take turns."""
    amount = int(min(COLUMNS, last_step + 1))
    edges = np.linspace(0, last_step + 1, amount + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    grid = np.full((amount, values.shape[1]), np.nan)
    for place, column in enumerate(values.T):
        known = ~np.isnan(column)
        if known.any():
            grid[:, place] = _spread(steps[known], column[known], edges, middle, log)
    return grid


def _spread(steps: NDArray[np.int64], values: Floats, edges: Floats, middle: Floats, log: bool) -> Floats:
    """One place's values on the columns, NaN before its first and after its last snapshot."""
    at = np.clip(np.searchsorted(steps, middle), 0, len(steps) - 1)
    before = np.maximum(at - 1, 0)
    at = np.where(np.abs(steps[before] - middle) <= np.abs(steps[at] - middle), before, at)
    told = np.array(values[at])
    reach = np.diff(steps).max() if len(steps) > 1 else 0
    told[(middle < steps[0] - reach) | (middle > steps[-1] + reach)] = np.nan  # nothing was seen there
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.clip(np.log10(values) if log else values, -400, 400)  # zero and infinity are far, but comparable
    column = np.searchsorted(edges, steps, side="right") - 1
    order = np.lexsort((np.abs(far - np.median(far)), column))
    last = np.append(np.flatnonzero(np.diff(column[order])), len(order) - 1)  # of each column the farthest
    told[column[order[last]]] = values[order[last]]
    return told


def colour_indices(values: Floats, low: float, high: float, log: bool) -> Bytes:
    """Values as indices of the palette; zero on a logarithmic scale, infinity and what is missing have their own."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.log(values / low) / np.log(high / low) if log else (values - low) / (high - low)
    told = np.clip(np.nan_to_num(share, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    indices = np.round(FIRST + told * (LAST - FIRST)).astype(np.uint8)
    if log:
        indices[values == 0] = ZERO
    indices[np.isinf(values)] = INFINITE
    indices[np.isnan(values)] = NOT_MEASURED
    return indices


def palette() -> Bytes:
    """256 colours: missing, zero, the scale, infinite."""
    anchors = np.array(VIRIDIS, float)
    at = np.linspace(0, len(anchors) - 1, LAST - FIRST + 1)
    scale = np.stack([np.interp(at, np.arange(len(anchors)), anchors[:, c]) for c in range(3)], axis=1)
    told = np.zeros((256, 3), np.uint8)
    told[ZERO] = (0, 0, 0)
    told[FIRST : LAST + 1] = np.round(scale)
    told[INFINITE] = (220, 20, 60)
    return told


def scale_image() -> str:
    """The colour scale, from low to high, as a picture one pixel high."""
    return png(np.arange(FIRST, LAST + 1, dtype=np.uint8)[None], palette())


def _ticks(low: float, high: float, log: bool) -> tuple[tuple[float, str], ...]:
    axis = Axis(low, high, log)
    told: Sequence[float] = axis.ticks(4)
    shares = axis.share(np.array(told))
    return tuple((float(share) * 100, number(tick, 2)) for share, tick in zip(shares, told, strict=True))
