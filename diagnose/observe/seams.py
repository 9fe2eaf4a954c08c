"""The few points that every PyTorch training passes, intercepted so that programs do not notice.

Each replaced function is entered and left without a trace: TorchScript compiles the original, warnings blame the
user's line, compiled regions see the original. Everything here touches torch's internals; nothing else does.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import dataloader

LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "hinge_embedding_loss",
    "margin_ranking_loss", "cosine_embedding_loss", "triplet_margin_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "ctc_loss",
)  # fmt: skip
# `warnings` skips frames whose file name holds both words, so that stacklevel=2 still blames the user's line.
HIDDEN = "<diagnose importlib._bootstrap>"
_compiling = torch.compiler.is_compiling


def hidden(function: Any) -> Any:
    """Gives a function a code object that `warnings` and our traceback filter step over."""
    function.__code__ = function.__code__.replace(co_filename=HIDDEN)
    return function


def in_backward() -> bool:
    """Whether autograd is running a backward on this thread (recomputation under checkpointing is inside one)."""
    return bool(torch._C._current_graph_task_id() != -1)


def transforming() -> bool:
    """Whether a tracer or a functional transform (vmap, grad) runs: tensors have no values then, and what we do is recorded."""
    return bool(
        torch._C._get_tracing_state() is not None or torch._C._functorch.peek_interpreter_stack() is not None
    )


def plain(tensor: object) -> bool:
    """A real tensor of the user's: no subclass, no functorch wrapper, not while tracing."""
    return (
        isinstance(tensor, Tensor)
        and type(tensor) in (Tensor, nn.Parameter)
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        and torch._C._get_tracing_state() is None
    )


def standing(function: Any) -> Any:
    """A function without the wrappers of those who have been removed: watches need not end in the order they began."""
    seams = getattr(function, "_seams", None)
    while isinstance(seams, Seams) and not seams.installed:
        function = getattr(function, "__original_fn")
        seams = getattr(function, "_seams", None)
    return function


class Quiet:
    """A listener whose methods dynamo leaves alone."""

    def __init__(self, listener: Any, quiet: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._listener = listener
        self._quiet = quiet

    def __getattr__(self, name: str) -> Any:
        method = self._quiet(getattr(self._listener, name))
        setattr(self, name, method)
        return method


class Seams:
    """Installs the interceptions and passes what happens to `listener`, whose methods never raise."""

    def __init__(self, listener: Any) -> None:
        self.listener = listener
        self._undo: list[Callable[[], None]] = []
        self._functions: list[tuple[Any, str, Any, Any]] = []  # holder, name, original, ours
        self.installed = False
        self.suspensions = 0
        self._dynamo: Any = None
        self._callbacks: tuple[Any, Any] | None = None
        self._compiles = False  # the program has compiled something
        self._codes: list[CodeType] = []

    # -- installing ---------------------------------------------------------------------------------------------

    def install(self) -> None:
        """Puts every interception in place; `remove` puts everything back."""
        for name in LOSSES:
            original = getattr(F, name, None)
            if original is not None:
                self._replace(F, name, self._loss(name, original))
        self._replace(torch.autograd, "backward", self._backward(torch.autograd.backward))
        self._replace(torch.autograd, "grad", self._grad(torch.autograd.grad))
        for holder in (torch.nn.utils, torch.nn.utils.clip_grad):
            for name in ("clip_grad_norm_", "clip_grad_value_"):
                self._replace(holder, name, self._clip(name, getattr(holder, name)))
        self._replace(torch, "compile", self._compile(torch.compile))
        self._replace(torch.jit, "script", self._without_us(torch.jit.script))
        self._replace(torch.jit, "trace", self._without_us(torch.jit.trace))
        self._replace(Optimizer, "__init__", self._optimizer(Optimizer.__init__))
        iterator = dataloader._BaseDataLoaderIter
        self._replace(iterator, "__next__", self._batch(iterator.__next__))
        scaler = torch.amp.grad_scaler.GradScaler
        self._replace(scaler, "scale", self._scaler("scale", scaler.scale))
        self._replace(scaler, "unscale_", self._scaler("unscale_", scaler.unscale_))
        self._replace(scaler, "step", self._scaler("step", scaler.step))
        for handle in (
            register_optimizer_step_pre_hook(self._unless_compiling("step_begins")),
            register_optimizer_step_post_hook(self._unless_compiling("step_ends")),
            nn.modules.module.register_module_parameter_registration_hook(self._unless_compiling("module_built")),
            nn.modules.module.register_module_module_registration_hook(self._unless_compiling("module_built")),
        ):
            self._undo.append(handle.remove)
        self.installed = True
        self.meet_dynamo()

    def remove(self) -> None:
        """Puts every original back, where nobody else has replaced ours meanwhile."""
        self.installed = False
        for holder, name, original, ours in reversed(self._functions):
            if holder.__dict__.get(name) is ours:
                setattr(holder, name, standing(original))
        self._functions.clear()
        while self._undo:
            self._undo.pop()()
        self._leave_dynamo()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """The original functions and unhooked modules are in place while this is open."""
        self.suspensions += 1
        self.listener.unhook_all()
        if self.suspensions == 1:
            for holder, name, original, ours in self._functions:
                if holder.__dict__.get(name) is ours:
                    setattr(holder, name, original)
        try:
            yield
        finally:
            self.suspensions -= 1
            if self.suspensions == 0 and self.installed:
                for holder, name, original, ours in self._functions:
                    if holder.__dict__.get(name) is original:
                        setattr(holder, name, ours)
            if self.installed:
                self.listener.hook_again()

    def meet_dynamo(self) -> None:
        """Asks dynamo, where it is loaded, to be told when it compiles, and to leave our functions alone.

        It is loaded with the first optimizer. Code that is traced while hooks of ours are on its modules would be compiled
        again without them.
        """
        dynamo = sys.modules.get("torch._dynamo")
        handler = getattr(getattr(dynamo, "callback", None), "callback_handler", None)
        if dynamo is None or handler is None or not self.installed:  # absent, or still being imported
            return
        if self._callbacks is None:
            self._dynamo = dynamo
            self._callbacks = dynamo.disable(self._compilation_begins), dynamo.disable(self._compilation_ends)
            counters = getattr(getattr(dynamo, "utils", None), "counters", {})
            if counters.get("frames"):  # compiled before we came
                self._be_quiet()
        begins, ends = self._callbacks
        if begins in handler.start_callbacks:  # until the program calls `torch._dynamo.reset()`
            return
        own = [getattr(ours, "__code__", None) for _, _, _, ours in self._functions]
        for code in (*own, *self._codes, in_backward.__code__, plain.__code__, transforming.__code__):
            if code is not None:
                dynamo.eval_frame.skip_code(code)
        handler.register_start_callback(begins)
        handler.register_end_callback(ends)

    def _leave_dynamo(self) -> None:
        if self._callbacks is not None:
            handler = self._dynamo.callback.callback_handler
            for callbacks, ours in zip((handler.start_callbacks, handler.end_callbacks), self._callbacks, strict=True):
                if ours in callbacks:
                    callbacks.remove(ours)
        self._dynamo, self._callbacks, self._compiles = None, None, False

    def _compilation_begins(self, _: Any) -> None:
        if not self.suspensions:
            self._be_quiet()
            self.listener.compiling()
        self.suspensions += 1

    def _be_quiet(self) -> None:
        """From now on the program's calls may pass dynamo on their way to us."""
        self._compiles = True
        if not isinstance(self.listener, Quiet):
            self.listener = Quiet(self.listener, self.quiet)

    def _compilation_ends(self, _: Any) -> None:
        self.suspensions -= 1
        if self.installed and not self.suspensions:
            self.listener.hook_again()

    def called_between_graphs(self, function: Callable[..., Any]) -> None:
        """Names a function of ours that runs in the program's own calls."""
        self._codes.append(function.__code__)

    def quiet(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of ours as it may be called where a program compiles: dynamo does not try to compile it as well."""
        quiet: Callable[..., Any] = self._dynamo.disable(function) if self._compiles else function
        return quiet

    def _unless_compiling(self, name: str) -> Callable[..., None]:
        """A global hook that calls the listener's method, and steps aside in compiled code."""

        def hook(*args: Any) -> None:
            if not _compiling():
                getattr(self.listener, name)(*args)

        self.called_between_graphs(hook)
        return hook

    def _replace(self, holder: Any, name: str, ours: Any) -> None:
        original = holder.__dict__[name]
        self._functions.append((holder, name, original, ours))
        setattr(holder, name, ours)

    def _finish(self, ours: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        functools.update_wrapper(ours, original)
        ours.__dict__.pop("__wrapped__", None)
        hidden(ours)
        setattr(ours, "__script_if_tracing_wrapper", True)
        setattr(ours, "__original_fn", original)
        ours._seams = self
        made: Callable[..., Any] = ours
        return made

    # -- the interceptions ----------------------------------------------------------------------------------------

    def _loss(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def loss(*args: Any, **kwargs: Any) -> Any:
            if _compiling() or not seams.installed:
                return original(*args, **kwargs)
            result = original(*args, **kwargs)
            seams.listener.loss_called(name, original, args, kwargs, result)
            return result

        return self._finish(loss, original)

    def _backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def backward(*args: Any, **kwargs: Any) -> Any:
            if _compiling() or not seams.installed or in_backward():
                return original(*args, **kwargs)
            seams.listener.backward_begins(args[0] if args else kwargs.get("tensors"))
            try:
                return original(*args, **kwargs)
            finally:
                seams.listener.backward_ends()

        return self._finish(backward, original)

    def _grad(self, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def grad(*args: Any, **kwargs: Any) -> Any:
            if _compiling() or not seams.installed or in_backward():
                return original(*args, **kwargs)
            seams.listener.grad_begins(args, kwargs)
            result = original(*args, **kwargs)
            seams.listener.grad_ends(args, kwargs, result)
            return result

        return self._finish(grad, original)

    def _clip(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def clip(*args: Any, **kwargs: Any) -> Any:
            if _compiling() or not seams.installed:
                return original(*args, **kwargs)
            result = original(*args, **kwargs)
            seams.listener.clipped(name, args, kwargs, result)
            return result

        return self._finish(clip, original)

    def _without_us(self, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def scripting(*args: Any, **kwargs: Any) -> Any:
            if not seams.installed:
                return original(*args, **kwargs)
            with seams.suspended():
                # Names in the caller's scope are resolved by walking up the stack: count our frame in.
                if original.__name__ == "script" and len(args) < 3:
                    kwargs["_frames_up"] = kwargs.get("_frames_up", 0) + 1
                return original(*args, **kwargs)

        return self._finish(scripting, original)

    def _compile(self, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def compile(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            seams.meet_dynamo()
            return result

        return self._finish(compile, original)

    def _optimizer(self, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def __init__(self: Optimizer, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if seams.installed:
                seams.meet_dynamo()
                seams.listener.optimizer_built(self)

        return self._finish(__init__, original)

    def _batch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

        def __next__(self: Any) -> Any:
            if not seams.installed:
                return original(self)
            seams.listener.batch_wanted(self)
            batch = original(self)
            seams.listener.batch_came(self, batch)
            return batch

        return self._finish(__next__, original)

    def _scaler(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        seams = self

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

        return self._finish(scaling, original)
