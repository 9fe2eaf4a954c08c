"""All quantities of a snapshot on their way from the device: put together there, sent at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from diagnose.observe.probes import Arrange, Arriving
from diagnose.observe.probes.columns import Arrangement, Columns

if TYPE_CHECKING:
    from diagnose.observe.session import Session


class Part(NamedTuple):
    """One quantity: its places (one given twice: several calls in the step) and its numbers' layout in the vector."""

    quantity: str
    over: str
    places: tuple[str, ...]
    sizes: tuple[int, ...] | None  # elements of each place; None: one


class Awaited(NamedTuple):
    """What a probe will make of the samples, and of vectors of its own."""

    probe: str
    over: str
    places: tuple[str, ...]
    arrange: Arrange
    sizes: tuple[int, ...]  # numbers in each of the probe's own vectors


class Units(NamedTuple):
    """Layers whose units may fall silent for good, and the samples of their outputs."""

    places: tuple[str, ...]
    samples: tuple[int, ...]


class Form(NamedTuple):
    """What the numbers of a snapshot mean, in the order in which they are sent; of most snapshots of a stream it is the same."""

    stream: int
    parts: tuple[Part, ...]
    samples: Arrangement
    widths: tuple[int, ...]  # numbers in each vector of the samples
    awaited: tuple[Awaited, ...]
    present: tuple[Part, ...]  # what need not be sent, for it is known on the host
    units: Units | None


class Parcel:
    """All quantities of one step, as one vector on the device."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.columns = Columns(session.snapshot.layouts, histograms=not session.snapshot.brief)
        self._scalars: list[Tensor] = []
        self._vectors: list[Tensor] = []
        self._single: list[Part] = []  # of the scalars
        self._rows: list[Part] = []  # of the vectors
        self._arriving: list[tuple[str, str, tuple[str, ...], Arriving]] = []  # probe, over what, places
        self.gradients: tuple[int, tuple[str, ...]] = 0, ()  # where the norms of the gradients begin, and whose they are
        self.units: Units | None = None

    def numbers(self, quantity: str, over: str, places: Iterable[str], values: Sequence[Tensor]) -> None:
        """Adds a quantity that is a number at each place: 0-dim float32 tensors."""
        places = tuple(places)
        if quantity == "gradient_norm":
            self.gradients = len(self._scalars), places
        self._single.append(Part(quantity, over, places, None))
        self._scalars.extend(values)

    def add(self, quantity: str, over: str, places: Iterable[str], values: Sequence[Tensor]) -> None:
        """Adds a quantity: a tensor a place."""
        places = tuple(places)
        if all(value.dim() == 0 and value.dtype == torch.float32 for value in values):
            self.numbers(quantity, over, places, values)
        else:
            self._rows.append(Part(quantity, over, places, tuple([value.numel() for value in values])))
            self._vectors.extend(values)

    def gather(self, probe: str, over: str, places: tuple[str, ...], readings: Sequence[Any]) -> Arriving | None:
        """Adds what a probe has measured, one reading a place."""
        arriving: Arriving | None = self.session.read(probe, readings, self.columns, part="gather")
        if arriving is not None:
            self._arriving.append((probe, over, places, arriving))
        return arriving

    def close(self, stream: int, present: tuple[Part, ...]) -> tuple[list[Tensor], int, Form]:
        """All that is to be sent, how many of the first of it are numbers, and what it means; it is the receiver's from then on."""
        samples: list[Tensor] = []
        try:
            samples = self.columns.gather()
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.session.failed("outputs", error)
            self._arriving = []
        sent = [*self._scalars, *self._vectors, *samples, *chain.from_iterable([one.tensors for *_, one in self._arriving])]
        awaited = [
            Awaited(probe, over, places, one.arrange, tuple([tensor.numel() for tensor in one.tensors]))
            for probe, over, places, one in self._arriving
        ]
        widths = tuple([tensor.numel() for tensor in samples])
        form = Form(stream, (*self._single, *self._rows), self.columns.arrangement(), widths, tuple(awaited), present, self.units)
        return sent, len(self._scalars), form
