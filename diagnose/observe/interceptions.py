"""The functions that stand in for torch's own: each calls the original and tells the listener, and is otherwise not there.

Each steps aside first where torch compiles: dynamo resolves names of `torch` to what stands there, and would trace us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import dataloader

from diagnose.observe.torch_state import in_backward

if TYPE_CHECKING:
    from diagnose.observe.seams import Seams

Function = Callable[..., Any]
LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "hinge_embedding_loss",
    "margin_ranking_loss", "cosine_embedding_loss", "triplet_margin_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "ctc_loss",
)  # fmt: skip
DROPOUTS = ("dropout", "alpha_dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout")
_compiling = torch.compiler.is_compiling


def interceptions() -> Iterator[tuple[Any, str, Callable[[Seams, Function], Function]]]:
    """Holder and name of every function that is replaced, and what makes its stand-in."""
    for name in LOSSES:
        if hasattr(F, name):
            yield F, name, partial(_loss, name)
    for name in DROPOUTS:
        yield F, name, partial(_dropout, 2, "training", True)
    yield F, "scaled_dot_product_attention", partial(_dropout, 4, "dropout_p", 0.0)
    yield torch.autograd, "backward", _backward
    yield torch.autograd, "grad", _grad
    for holder in (torch.nn.utils, torch.nn.utils.clip_grad):
        for name in ("clip_grad_norm_", "clip_grad_value_"):
            yield holder, name, partial(_clip, name)
    yield torch, "compile", _compile
    yield torch.jit, "script", _without_us
    yield torch.jit, "trace", _without_us
    yield Optimizer, "__init__", _optimizer
    yield nn.Module, "__setstate__", _setstate
    yield dataloader._BaseDataLoaderIter, "__next__", _batch
    for name in ("scale", "unscale_", "step"):
        yield torch.amp.grad_scaler.GradScaler, name, partial(_scaler, name)


def _loss(name: str, seams: Seams, original: Function) -> Function:
    def loss(*args: Any, **kwargs: Any) -> Any:
        if _compiling() or not seams.installed:
            return original(*args, **kwargs)
        result = original(*args, **kwargs)
        if not seams.resting or not seams.listener.passes_by(name, result):
            seams.listener.loss_called(name, original, args, kwargs, result)
        return result

    return loss


def _dropout(at: int, name: str, default: Any, seams: Seams, original: Function) -> Function:
    """Of a function that drops unless its argument `name`, in order number `at`, is false: `default` where it is not given."""

    def dropout(*args: Any, **kwargs: Any) -> Any:
        if not _compiling() and seams.installed and not seams.resting:
            seams.listener.drops(args[at] if len(args) > at else kwargs.get(name, default))
        return original(*args, **kwargs)

    return dropout


def _backward(seams: Seams, original: Function) -> Function:
    def backward(*args: Any, **kwargs: Any) -> Any:
        if _compiling() or not seams.installed or seams.resting or in_backward():
            return original(*args, **kwargs)
        seams.listener.backward_begins(args[0] if args else kwargs.get("tensors"))
        try:
            return original(*args, **kwargs)
        finally:
            seams.listener.backward_ends()

    return backward


def _grad(seams: Seams, original: Function) -> Function:
    def grad(*args: Any, **kwargs: Any) -> Any:
        if _compiling() or not seams.installed or in_backward():
            return original(*args, **kwargs)
        seams.listener.grad_begins(args, kwargs)
        result = original(*args, **kwargs)
        seams.listener.grad_ends(args, kwargs, result)
        return result

    return grad


def _clip(name: str, seams: Seams, original: Function) -> Function:
    def clip(*args: Any, **kwargs: Any) -> Any:
        if _compiling() or not seams.installed or seams.resting:
            return original(*args, **kwargs)
        result = original(*args, **kwargs)
        seams.listener.clipped(name, args, kwargs, result)
        return result

    return clip


def _without_us(seams: Seams, original: Function) -> Function:
    def scripting(*args: Any, **kwargs: Any) -> Any:
        if not seams.installed:
            return original(*args, **kwargs)
        with seams.suspended():
            # Names in the caller's scope are resolved by walking up the stack: count our frame in.
            if original.__name__ == "script" and len(args) < 3:
                kwargs["_frames_up"] = kwargs.get("_frames_up", 0) + 1
            return original(*args, **kwargs)

    return scripting


def _compile(seams: Seams, original: Function) -> Function:
    def compile(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        seams.dynamo.meet()
        return result

    return compile


def _optimizer(seams: Seams, original: Function) -> Function:
    def __init__(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if seams.installed:
            seams.dynamo.meet()
            seams.listener.optimizer_built(self)

    return __init__


def _setstate(seams: Seams, original: Function) -> Function:
    def __setstate__(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if not _compiling() and seams.installed:
            seams.listener.module_restored(self)

    return __setstate__


def _batch(seams: Seams, original: Function) -> Function:
    def __next__(self: Any) -> Any:
        if not seams.installed:
            return original(self)
        if seams.resting:  # only a new pass over the data matters then
            wanted = perf_counter()
            batch = original(self)
            if self._num_yielded <= 1:
                seams.listener.batch_came(self, batch, wanted)
            return batch
        seams.listener.batch_wanted(self)
        batch = original(self)
        seams.listener.batch_came(self, batch)
        return batch

    return __next__


def _scaler(name: str, seams: Seams, original: Function) -> Function:
    def scaling(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not seams.installed:
            return original(self, *args, **kwargs)
        if name != "scale":
            seams.listener.scaler_called(name, self)
        result = original(self, *args, **kwargs)
        if name == "scale":
            seams.listener.scaled(self, args, result)
        elif name == "step":
            seams.listener.scaler_stepped(self, args)
        return result

    return scaling
