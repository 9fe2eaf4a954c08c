"""Names and facts that last for the whole run: loss sites, evaluation sets, epochs, the data's loader."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from diagnose.observe.evaluations import shown
from diagnose.observe.loss_calls import Key, LossCall, Pass

if TYPE_CHECKING:
    from diagnose.observe.session import Session
    from diagnose.observe.streams import Stream


class Book:
    """Gives every loss site and evaluation set one name, and keeps the facts of the training."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._sites: dict[Key, str] = {}
        self._described: dict[str, bool] = {}
        self._sets: dict[Key, str] = {}
        self._epoch: dict[int, int] = {}
        self.described_sites: dict[int, set[str]] = {}  # index of a stream → ids of the loss sites it was told of
        self.custom_sites: set[str] = set()

    def site(self, call: LossCall) -> str:
        """The id of a training loss site: function, file and line."""
        return self._name(self._sites, call.key, call.function, call.lines)

    def set_id(self, one: Pass) -> str:
        """The id of an evaluation set."""
        return self._name(self._sets, one.key, one.name, one.call.lines)

    @staticmethod
    def _name(known: dict[Key, str], key: Key, stem: str, lines: tuple[tuple[str, int], ...]) -> str:
        name = known.get(key)
        if name is None:
            where = f" ({os.path.basename(lines[0][0])}:{lines[0][1]})" if lines else ""
            base, n, name = f"{stem}{where}", 2, f"{stem}{where}"
            while name in known.values():
                name, n = f"{base} #{n}", n + 1
            known[key] = name
        return name

    def is_new(self, site: str, call: LossCall) -> bool:
        """Whether a training site must be written down: first seen, or its weight is not known yet."""
        return not self._described.get(site, False)

    def item(self, site: str, call: LossCall) -> dict[str, Any]:
        """What is written down of a training loss site."""
        weight = call.weight if isinstance(call.weight, float) else None
        self._described[site] = weight is not None or not self.session.snapping
        for_input = site in self.session.backward.for_inputs
        return {**call.site, "id": site, "role": "training", "weight": weight, "input_gradient": for_input}

    def epoch(self, stream: Stream) -> float | None:
        """Number of the epoch: how often the training's loader has been begun."""
        session = self.session
        if not session.row.batches or session.data.loader is None:
            return None
        if session.data.loader["fresh"]:
            session.data.loader["fresh"] = False
            self._epoch[stream.index] = self._epoch.get(stream.index, -1) + 1
            if self._epoch[stream.index] == 0:
                session.writer.stream(stream.index, data={"loader": shown(session.data.loader)})
        return float(self._epoch.get(stream.index, 0))

    def facts(self) -> dict[str, Any]:
        """How the program trains, as far as it is the same for all its streams."""
        return {
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "autocast": torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"),
            "threads": torch.get_num_threads(),
            "seed": str(torch.initial_seed()),  # text: it may have more digits than a float
        }
