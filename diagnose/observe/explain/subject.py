"""What is explained: a copy of a network, samples of one shape, and one number a sample that the maps account for."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diagnose.errors import DiagnoseError, one_line
from diagnose.observe.explain.calls import Call, Loss, Output, Row, tensors
from diagnose.observe.explain.embeddings import embeddings_of, fed

FEWEST = 2  # samples: of one there is no baseline, and nothing to compare with
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)


class CannotExplain(DiagnoseError):
    """Why a network, or a method on it, gives no map that could be believed."""


@dataclass
class Input:
    """One input: the samples as the program gave them, and as numbers that a gradient can reach."""

    id: str
    slot: int  # its place among the call's slots
    raw: Tensor  # (samples, …)
    embedding: nn.Module | None = None  # that turns symbols into numbers
    nth: int = 0  # which call of the embedding
    kind: str = "other"
    baseline: Tensor = field(default_factory=lambda: torch.empty(0))  # (…) of `values`, without the batch
    said: str = ""  # the baseline in words
    padding: int | None = None  # the symbol that pads texts

    def values(self, rows: Tensor | None = None) -> Tensor:
        """(rows, …) floats: the input itself, or (rows, length, width) of embedded symbols."""
        raw = self.raw if rows is None else self.raw[rows]
        return raw if self.embedding is None else self.embedding(raw).detach()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample's map: the input's own; one number a symbol."""
        return tuple(self.raw.shape[1:])

    def reduced(self, attribution: Tensor) -> Tensor:
        """A map in the input's shape: of an embedded symbol the sum over its numbers."""
        return attribution if self.embedding is None else attribution.sum(-1)


class Subject:
    """A network to explain.

    Args:
        module: copied; the copy is in evaluation mode and works out of place.
        call, output, loss: how it is called, which tensor goes into which loss.
        rows: samples; those of the commonest shape are taken.
        name: of the network.
        target: index of the output to explain; None: the predicted class, the one output, or the loss.
    """

    def __init__(
        self, module: nn.Module, call: Call, output: Output, loss: Loss | None, rows: Sequence[Row], name: str,
        target: int | None = None,
    ) -> None:  # fmt: skip
        self.name, self.call, self.output, self.loss, self.target = name, call, output, loss, target
        try:
            self.model = copy.deepcopy(module).eval()
        except Exception as error:  # noqa: BLE001 whatever a module's copy raises is the reason
            raise CannotExplain(f"{name} cannot be copied: {one_line(str(error))}") from None
        for part in self.model.modules():
            if getattr(part, "inplace", False) is True:
                part.__dict__["inplace"] = False  # the same numbers, and hooks see outputs that nothing overwrites
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        rows = _of_one_shape(rows)
        device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        self.slots = [torch.stack([row.tensors[i] for row in rows]).to(device) for i in range(len(call.slots))]
        targets = [row.target for row in rows if row.target is not None]
        whole = len(targets) == len(rows) and len({t.shape for t in targets}) == 1
        self.targets = torch.stack(targets).to(device) if whole else None
        self.seed: int | None = None  # of the random numbers that the network draws even in evaluation mode
        self.inputs: list[Input] = []
        self._look()

    # -- what kind of thing it is -------------------------------------------------------------------------------------

    def _look(self) -> None:
        if len(self) < FEWEST:
            raise CannotExplain(f"expected at least {FEWEST} samples to explain {self.name} on, found {len(self)}")
        for name, slot in zip(self.call.names, self.slots, strict=True):
            if slot.is_floating_point() and not bool(torch.isfinite(slot).all()):
                raise CannotExplain(f"the input {self.name}:{name} holds nan or infinity")
        some = torch.arange(min(4, len(self)))
        asked, first = self._first(some)
        self.inputs = list(self._inputs(asked, some))
        if not self.inputs:
            raise CannotExplain(f"{self.name} has no input of numbers or of symbols that an embedding takes")
        self.shape = tuple(first.shape)
        if self.loss is None:
            self.loss = self._guessed(first)
        self.task = self._task(first)

    def _first(self, some: Tensor) -> tuple[list[tuple[nn.Module, Tensor]], Tensor]:
        """The calls of embeddings and the answer in a first pass, which tells whether there can be one at all."""
        try:
            with torch.no_grad():
                with embeddings_of(self.model) as asked:
                    first = self.predict(some)
                if not torch.equal(first, self.predict(some)):
                    self.seed = 0
                    first = self.predict(some)
        except CannotExplain:
            raise
        except Exception as error:  # noqa: BLE001 whatever a network raises is the reason
            raise CannotExplain(f"{self.name} refuses its samples: {one_line(str(error))[:200]}") from None
        return asked, first

    def __len__(self) -> int:
        return len(self.slots[0])

    def restrict(self, rows: Tensor) -> None:
        """Leaves it only these of its samples."""
        self.slots = [slot[rows] for slot in self.slots]
        self.targets = None if self.targets is None else self.targets[rows]
        for given in self.inputs:
            given.raw = self.slots[given.slot]

    def _inputs(self, asked: list[tuple[nn.Module, Tensor]], some: Tensor) -> Iterator[Input]:
        for place, (name, tensor) in enumerate(zip(self.call.names, self.slots, strict=True)):
            id = f"{self.name}:{name}"
            if tensor.is_floating_point():
                yield Input(id, place, tensor)
                continue
            if tensor.dtype not in INTEGERS:
                continue
            given = tensor[some].transpose(0, 1) if self.call.axis else tensor[some]
            count: Counter[int] = Counter()
            for module, seen in asked:
                count[id_of(module)] += 1
                if seen.shape == given.shape and torch.equal(seen, given):
                    yield Input(id, place, tensor, module, count[id_of(module)] - 1)
                    break

    def _guessed(self, prediction: Tensor) -> Loss | None:
        """The loss that fits the targets, where the program's own is not known."""
        if self.targets is None:
            return None
        whole = self.targets.dtype in INTEGERS
        if whole and prediction.dim() == 2 and prediction.shape[1] > 1 and self.targets.dim() == 1:
            return Loss("cross_entropy", F.cross_entropy)
        if whole and prediction.dim() == 3 and self.targets.dim() == 2 and prediction.shape[1] == self.targets.shape[1]:
            return Loss("cross_entropy", F.cross_entropy)  # of every position
        if not whole and prediction[0].numel() == self.targets[0].numel():
            return Loss("mse_loss", F.mse_loss)
        return None

    def _task(self, prediction: Tensor) -> str:
        name = self.loss.name if self.loss is not None else ""
        given = self.inputs[0].raw
        targets = self.targets
        if targets is not None and targets.is_floating_point() and targets[0].numel() == given[0].numel() > 1:
            flat = given.reshape(len(given), -1).to(targets.dtype)
            if torch.allclose(targets.reshape(len(given), -1), flat, atol=1e-5):
                return "autoencoder"
        per_sample = prediction.shape[0] // min(4, len(self))
        if name in ("cross_entropy", "nll_loss", "multi_margin_loss"):
            return "classification" if prediction.dim() == 2 and per_sample == 1 else "sequence"
        if "binary_cross_entropy" in name:
            return "binary-classification" if prediction[0].numel() == per_sample == 1 else "other"
        if name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss", "poisson_nll_loss"):
            return "regression"
        return "other"

    # -- calling it ---------------------------------------------------------------------------------------------------

    def predict(self, rows: Tensor, values: Sequence[Tensor] | None = None, swapped: Sequence[Tensor] | None = None) -> Tensor:
        """What the network answers, (rows, …) or (rows × parts, …) as its loss takes it.

        Args:
            rows: numbers of the samples, (rows,).
            values: of each of `inputs`, (rows, …) floats, in place of the samples' own.
            swapped: of each of the call's slots, (rows, …) as the program would give them.
        """
        given = list(swapped) if swapped is not None else [slot[rows] for slot in self.slots]
        replaced: list[tuple[nn.Module, int, Tensor]] = []
        for place, own in enumerate(self.inputs if values is not None else ()):
            assert values is not None
            if own.embedding is None:
                given[own.slot] = values[place] * 1  # a network may change its input in place
            else:
                replaced.append((own.embedding, own.nth, values[place].transpose(0, 1) if self.call.axis else values[place]))
        args, kwargs = self.call.arguments(given)
        with fed(replaced), self._seeded(), torch.backends.cudnn.flags(enabled=False):
            answer = self.model(*args, **kwargs)
            if self.output.index >= sum(1 for _ in tensors(answer)):
                raise CannotExplain(f"{self.name} answers with {type(answer).__name__}, which holds no tensor of numbers")
            output = self.output.pick(answer)
        if self.call.axis and output.dim() > 2 and output.shape[1] == len(rows):
            output = output.transpose(0, 1)
        return output

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        if self.seed is None:
            yield
            return
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            yield

    def losses(self, rows: Tensor, prediction: Tensor) -> Tensor | None:
        """(rows,) the loss of each sample; None where it is not known."""
        if self.loss is None or self.targets is None:
            return None
        target = self.targets[rows]
        if prediction.dim() > 2 and self.task == "sequence" and prediction.shape[:2] == target.shape[:2] and target.dim() == 2:
            prediction, target = prediction.flatten(0, 1), target.flatten()
        elif target.is_floating_point() and prediction.shape != target.shape and prediction.numel() == target.numel():
            prediction = prediction.reshape(target.shape)
        elif target.dim() > 1 and target.shape[1] > 1 and prediction.shape[0] == target.shape[0] * target.shape[1]:
            target = target.flatten(0, 1)
        return self.loss.each(prediction, target.to(prediction.device), len(rows))

    def chosen(self, prediction: Tensor) -> Tensor | None:
        """(samples,) which output is explained: the one asked for, else the predicted class; None: not one of several."""
        flat = prediction.flatten(1) if prediction.dim() > 1 else prediction[:, None]
        if self.target is not None and self.task not in ("sequence", "autoencoder"):
            if not 0 <= self.target < flat.shape[1]:
                raise CannotExplain(f"expected --target below {flat.shape[1]}, the outputs of {self.name}, got {self.target}")
            return torch.full((len(flat),), self.target, device=flat.device)
        if self.task == "classification":
            return flat.argmax(1)
        if self.task in ("binary-classification", "regression", "other") and flat.shape[1] == 1:
            return torch.zeros(len(flat), dtype=torch.int64, device=flat.device)
        return None

    def score(
        self, rows: Tensor, prediction: Tensor, chosen: Tensor | None, values: Sequence[Tensor] | None = None
    ) -> Tensor:
        """(rows,) the number that is explained: the chosen output; else minus the loss, the error of a reconstruction, or
        the sum of the outputs.

        A reconstruction is held against what was put in: with `values` in place of the samples, against those.
        """
        if self.task == "autoencoder" and chosen is None and values is not None and self.loss is not None:
            return self.loss.each(prediction, values[0].reshape(prediction.shape), len(rows))
        if chosen is not None:
            flat = prediction.flatten(1) if prediction.dim() > 1 else prediction[:, None]
            return flat.gather(1, chosen[rows][:, None])[:, 0]
        losses = self.losses(rows, prediction)
        if losses is None:
            return prediction.reshape(len(rows), -1).sum(1)
        return losses if self.task == "autoencoder" else -losses

    def in_words(self, chosen: Tensor | None) -> str:
        """What the maps account for."""
        if self.task == "autoencoder":
            return "reconstruction error"
        if chosen is None:
            return "minus the loss" if self.loss is not None and self.targets is not None else "sum of the outputs"
        if self.target is not None:
            return f"output {self.target}"
        return "the predicted class's output" if self.task == "classification" else "the output"


def spread(count: int, most: int) -> Tensor:
    """Numbers of at most `most` of `count` samples, evenly over all: data are often sorted by label."""
    return torch.linspace(0, count - 1, min(count, most)).round().long()


def id_of(module: nn.Module) -> int:
    """A key for counting a module's calls."""
    return id(module)


def _of_one_shape(rows: Sequence[Row]) -> list[Row]:
    """Those of the commonest shape: samples of several lengths cannot be stacked."""
    shapes = [tuple(t.shape for t in row.tensors) for row in rows]
    commonest = Counter(shapes).most_common(1)[0][0]
    return [row for row, shape in zip(rows, shapes, strict=True) if shape == commonest]
