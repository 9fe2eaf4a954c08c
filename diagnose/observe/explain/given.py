"""Explains a model on what its loaders give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, Subset

from diagnose.errors import one_line
from diagnose.explanation import Explanation
from diagnose.observe.explain.calls import Call, Output, Row, by_sample, call_of
from diagnose.observe.explain.measure import explained
from diagnose.observe.explain.own import named_loss
from diagnose.observe.explain.subject import CannotExplain, Subject, spread

if TYPE_CHECKING:
    from diagnose.observe.explain.ending import Wish

MOST = 512  # samples


def explain_loaders(
    model: nn.Module, loader: Iterable[Any], trained: Iterable[Any] | None, *, loss: Callable[..., Any], data: str, wish: Wish,
    names: Sequence[str], notes: Sequence[str],
) -> Explanation:  # fmt: skip
    """The explanation of a model on the first samples of a loader of pairs (x, y).

    Raises:
        CannotExplain: nothing can be explained, and why.
    """
    name = type(model).__name__
    call, rows = _rows(model, loader)
    seen = [] if trained is None else _rows(model, trained)[1]
    subject = Subject(model, call, Output(), named_loss(loss), rows, name, wish.target)
    return explained(
        subject, data=f"{len(rows):,} samples of {data}", training_rows=seen, method=wish.method, samples=wish.samples,
        keep=wish.keep, names=names, notes=notes, seconds=wish.seconds,
    )  # fmt: skip


def _rows(model: nn.Module, loader: Iterable[Any]) -> tuple[Call, list[Row]]:
    rows: list[Row] = []
    known: Call | None = None
    state = torch.get_rng_state()
    was = model.training
    model.eval()
    try:
        for batch in _some(loader):
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise CannotExplain(f"expected pairs (x, y) in the data, found {type(batch).__name__}")
            x, y = batch
            args: tuple[Any, ...] = tuple(x) if isinstance(x, (tuple, list)) else () if isinstance(x, dict) else (x,)
            kwargs = x if isinstance(x, dict) else {}
            made = call_of(model, args, kwargs, None)
            if isinstance(made, str):
                raise CannotExplain(made)
            call, tensors = made
            if known is None:
                _accepts(model, args, kwargs)
                known = call
            target = by_sample(y, len(tensors[0]), call.axis) if isinstance(y, Tensor) else None
            rows += [Row([t[i] for t in tensors], None if target is None else target[i]) for i in range(len(tensors[0]))]
            if len(rows) >= MOST:
                break
    finally:
        torch.set_rng_state(state)
        model.train(was)
    if known is None or len(rows) < 2:
        raise CannotExplain(f"expected at least two samples, found {len(rows)}")
    return known, rows[:MOST]


def _some(loader: Any) -> Iterable[Any]:
    """The loader's batches, or those of an even selection where it has more samples than are looked at."""
    dataset = getattr(loader, "dataset", None)
    if dataset is None or isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__") or len(dataset) <= MOST:
        return cast("Iterable[Any]", loader)
    chosen = Subset(dataset, spread(len(dataset), MOST).tolist())
    return DataLoader(chosen, batch_size=loader.batch_size or 64, collate_fn=loader.collate_fn)


def _accepts(model: nn.Module, args: Any, kwargs: Any) -> None:
    """Raises CannotExplain where the model cannot be called with its own data."""
    with torch.no_grad():
        try:
            model(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 whatever a network raises is the reason
            raise CannotExplain(f"the model refuses its data: {one_line(str(error))[:200]}") from None
