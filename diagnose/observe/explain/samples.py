"""The explained samples as plain values: what was put in, what came out, the maps and how far they can be believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from diagnose.explanation import Array, Check, ExplainedSample
from diagnose.observe.explain.dependence import Level
from diagnose.observe.explain.methods import Work
from diagnose.observe.explain.subject import Subject
from diagnose.observe.explain.trust import Maps

LARGEST = 200_000  # values of a sample that are kept of a map


class Shown:
    """The samples that get maps of their own, as plain values."""

    def __init__(
        self, subject: Subject, work: Work, shown: Sequence[tuple[str, int]], maps: Mapping[str, Maps],
        trusted: Mapping[str, Sequence[tuple[Check, ...]]], predictions: Tensor, whole: Level | None, keep: bool,
    ) -> None:  # fmt: skip
        self.subject, self.work, self.shown, self.maps, self.trusted = subject, work, shown, maps, trusted
        self.predictions, self.whole, self.keep = predictions, whole, keep

    def samples(self) -> Iterator[ExplainedSample]:
        """One after the other, the worst first."""
        subject = self.subject
        for place, (role, number) in enumerate(self.shown):
            row = torch.tensor([number])
            small = [i for i in subject.inputs if i.raw[0].numel() <= LARGEST]
            with torch.no_grad():
                score = float(subject.score(row, self.predictions[number : number + 1] if self._plain else subject.predict(row),
                                            self.work.chosen))  # fmt: skip
            yield ExplainedSample(
                role=role, number=number, target=self._target(number), predicted=self._predicted(number),
                explained=self._explained(number), score=score,
                loss=float("nan") if self.whole is None else float(self.whole.losses[number]),
                inputs={i.id: numbers(i.raw[number]) for i in small} if self.keep else {},
                maps={
                    method: {
                        i.id: numbers(i.reduced(part[place]))
                        for i, part in zip(subject.inputs, found, strict=True)
                        if i in small
                    }
                    for method, found in self.maps.items()
                },
                trust={method: told[place] for method, told in self.trusted.items()},
            )  # fmt: skip

    @property
    def _plain(self) -> bool:
        return len(self.predictions) == len(self.subject)

    def _target(self, number: int) -> str:
        if self.subject.targets is None or self.subject.task == "autoencoder":
            return ""
        return _shown(self.subject.targets[number])

    def _predicted(self, number: int) -> str:
        if not self._plain or self.subject.task in ("autoencoder", "sequence"):
            return ""
        answer = self.predictions[number]
        if self.subject.task == "classification":
            return str(int(answer.argmax()))
        return _shown(answer)

    def _explained(self, number: int) -> str:
        chosen = self.work.chosen
        said = self.subject.in_words(chosen)
        if self.subject.task == "classification" and chosen is not None and self.subject.target is None:
            return f"output {int(chosen[number])}, the predicted class"
        return said


def _shown(value: Tensor) -> str:
    """A small tensor as text; of a large one its shape."""
    if value.numel() == 1:
        return f"{float(value):.4g}" if value.is_floating_point() else str(int(value))
    if value.numel() <= 12 and value.dim() == 1:
        return " ".join(_shown(part) for part in value)
    return "×".join(map(str, value.shape))


def numbers(tensor: Tensor) -> Array:
    """A tensor as numbers of numpy."""
    return tensor.detach().double().cpu().numpy()
