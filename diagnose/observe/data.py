"""The data as loaders and networks show them: batches, epochs, and hashes by which a sample is known again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diagnose.observe.evaluations import loader_facts
from diagnose.observe.hashes import sample_hashes
from diagnose.observe.nested import tensors, weak
from diagnose.observe.torch_state import Untracked, plain

if TYPE_CHECKING:
    from diagnose.observe.session import Session

HASHES = 20_000  # samples of a set that are known again
MIXED = 0x2545F4914F6CDD1D  # odd: what a sample's first tensors give, before the next one's is added


class Data:
    """Listens to the program's loaders; `batch` holds weak references to the tensors of the last batch."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.loader: dict[str, Any] | None = None  # facts of the one that gave the last batch
        self.batch: list[Callable[[], Any]] = []
        self._iterators: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()
        self._hashed: dict[str, int] = {}
        self._hashes: Tensor | None = None
        self._trained = True  # whether that was a training's call

    def batch_wanted(self, iterator: Any) -> None:
        """The program asks a loader for a batch."""
        self.session.row.batch_wanted()

    def batch_came(self, iterator: Any, batch: Any, wanted: float | None = None) -> None:
        """A loader gave a batch, for which it was asked at `wanted`, where that was not told before."""
        if self.session.off():  # whichever thread fetches the batches
            return
        known = self._iterators.get(iterator)
        begins = known is None or getattr(iterator, "_num_yielded", 0) == 1  # persistent workers keep their iterator
        with self.session.guard("batch"):
            if known is None:
                known = self._iterators[iterator] = loader_facts(iterator)
            if begins:  # a new pass over the data: its first step is always written down
                self.session.rest.wake()
                known["fresh"] = True
            if wanted is not None:
                self.session.row.batch_wanted(wanted)
            self.session.row.batch_came()
            self.loader = known
            if not self.session.lean or self.session.shadow.role is not None:
                self.batch = [weak(t) for t in tensors(batch)]

    def loader_now(self) -> dict[str, Any] | None:
        """The loader that gave the last batch, if one did since the last step."""
        return self.loader if self.session.row.batches else None

    def hash(self, module: nn.Module, given: Sequence[Tensor]) -> None:
        """Hashes of the samples of this call, while they are at hand: many programs give a temporary tensor.

        A sample is all that is given of it: rows of the same table may go in as several tensors.
        """
        self._hashes = None
        if not given or not all(map(plain, given)) or not any(one.dim() > 1 for one in given):
            return
        if not given[0].dim():
            return
        given = [one for one in given if one.dim() and one.shape[0] == given[0].shape[0]]
        key = "train" if module.training and torch.is_grad_enabled() else "evaluation"
        seen, schedule = self._hashed.get(key, 0), self.session.schedule
        enough = seen >= (HASHES if key == "train" else 5 * HASHES) or schedule.spent > schedule.once
        if enough and not schedule.meets(self.session.tick) and not (key == "train" and self.session.snapping):
            return  # of the steps that are looked at samples go on to be known: they tell how many of all are
        self._hashed[key] = seen + given[0].shape[0]
        with Untracked():
            self._hashes = sample_hashes(given[0])
            for one in given[1:]:
                self._hashes.mul_(MIXED).add_(sample_hashes(one))
        self._trained = key == "train"

    def take_hashes(self, *, keep: bool = False) -> Tensor | None:
        """Hashes of the samples of the last network call, once; `keep` leaves them for the program's own loss.

        A network that computes its loss itself does so before its call has ended: what was hashed then is the call before. Where
        the one trains and the other does not it is another set's.
        """
        hashes = self._hashes
        if not keep:
            self._hashes = None
        root = self.session.calls.last_root()
        other = root is not None and (root.training and torch.is_grad_enabled()) != self._trained
        return None if other else hashes
