"""Padding of texts: which symbol it is, and whether the network answers by where it stands."""

from __future__ import annotations

import torch
from torch import Tensor

from diagnose.observe.explain.subject import Input

SHARE = 0.1  # of the samples that must end in a symbol for it to be padding, where the embedding names none


def padding_of(given: Input) -> int | None:
    """The symbol that pads the samples of a text: the embedding's, else one that stands in one run at one end of samples of
    several lengths, and nowhere else. None where no sample is padded."""
    if given.embedding is None or len(given.shape) != 1:
        return None
    tokens = given.raw
    named = getattr(given.embedding, "padding_idx", None)
    if named is not None:
        return int(named) if bool((tokens == named).any()) else None
    for side in (tokens, tokens.flip(1)):  # at the end, at the start
        symbols, counts = side[:, -1].unique(return_counts=True)
        symbol = int(symbols[counts.argmax()])
        there = side == symbol
        run = there.flip(1).long().cumprod(1).sum(1)
        several = len(run[run > 0].unique()) > 2 and int(run.max()) > 2
        if several and float((run > 0).float().mean()) >= SHARE and int(there.sum()) == int(run.sum()):
            return symbol
    return None


def filled(tokens: Tensor, empty: Tensor) -> Tensor:
    """(rows, length) texts whose padding is replaced by their own symbols, over and over."""
    return _laid(tokens, empty, torch.arange(len(tokens)), torch.zeros_like(empty), tokens)


def relaid(tokens: Tensor, empty: Tensor, order: Tensor) -> Tensor:
    """(rows, length) texts with their own padding and the symbols of others, cut or repeated to fit."""
    return _laid(tokens, empty, order, empty, tokens)


def _laid(tokens: Tensor, empty: Tensor, order: Tensor, keep: Tensor, frame: Tensor) -> Tensor:
    found = frame.clone()
    for row, source, pads in zip(found, order.tolist(), keep, strict=True):
        content = tokens[source][~empty[source]]
        own = content if int((~pads).sum()) == len(content) else None
        many = int((~pads).sum())
        row[~pads] = own if own is not None else content.repeat(many // len(content) + 1)[:many]
    return found
