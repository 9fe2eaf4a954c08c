"""Trains a file that only defines a model and its data, with plain defaults that are said aloud."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from diagnose.errors import tell

EPOCHS, BATCH, RATE = 10, 64, 1e-3


def train(namespace: dict[str, Any]) -> None:
    """Trains `model` on `train_data` from a program's namespace, if it has both; says each default chosen on stderr.

    Args:
        namespace: `model` (Module, Module class without arguments, or function of none), `train_data` and perhaps
            `val_data` (DataLoader, Dataset, or (x, y) tensors or arrays), `loss_fn`, `optimizer` (instance or callable
            of the parameters), `epochs`. Where a name is missing or unusable, one line says so and nothing is trained.
    """
    if "model" not in namespace and "train_data" not in namespace:
        return
    missing = [name for name in ("model", "train_data") if name not in namespace]
    if missing:
        there = "train_data" if missing == ["model"] else "model"
        tell(f"found {there} but no {missing[0]}: a model file needs model and train_data to be trained")
        return
    import torch

    try:
        model = model_of(namespace["model"])
        loader = loader_of(namespace["train_data"], "train_data", shuffle=True, batch=namespace.get("batch_size"))
        validation = namespace.get("val_data")
        held = (
            None
            if validation is None
            else loader_of(validation, "val_data", shuffle=False, batch=namespace.get("batch_size"))
        )
        loss, named = loss_of(namespace.get("loss_fn"), model, loader)
        optimizer, rule = _optimizer(namespace.get("optimizer"), model)
        epochs = _epochs(namespace.get("epochs"))
    except Unusable as problem:
        tell(str(problem))
        return
    tell(f"training model for {epochs} epochs with {rule} and {named}")
    with _progress(epochs) as advance:
        for epoch in range(epochs):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                value = loss(model(x), y)
                value.backward()
                optimizer.step()
            said = f"epoch {epoch + 1}/{epochs}"
            if held is not None:
                model.eval()
                with torch.no_grad():
                    losses = [(loss(model(x), y).item(), len(x)) for x, y in held]
                said += f" validation loss {sum(v * n for v, n in losses) / sum(n for _, n in losses):.4g}"
            advance(said)


class Unusable(Exception):
    """A name of the model file that cannot be used, in one line."""


def _kind(value: object) -> str:
    return f"{type(value).__name__}"


def model_of(value: Any) -> Any:
    """The Module that `model` is or makes."""
    from torch import nn

    if isinstance(value, nn.Module):
        return value
    if callable(value):
        try:
            made = value()
        except TypeError as error:
            raise Unusable(
                "expected model to be a Module, or a class or function without arguments, "
                f"found one that needs some: {error}"
            ) from None
        if isinstance(made, nn.Module):
            return made
        raise Unusable(f"expected model() to give a Module, found {_kind(made)}")
    raise Unusable(f"expected model to be a Module, or a class or function that makes one, found {_kind(value)}")


def loader_of(value: Any, name: str, *, shuffle: bool, batch: Any) -> Any:
    """The DataLoader that a data set, or (x, y), is or makes."""
    import torch
    from torch.utils.data import DataLoader, Dataset, TensorDataset

    if isinstance(value, DataLoader):
        return value
    size = batch if isinstance(batch, int) and batch > 0 else BATCH
    if isinstance(value, (tuple, list)) and len(value) == 2:
        try:
            x, y = (torch.as_tensor(part) for part in value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise Unusable(
                f"expected {name} to be (x, y) of tensors or arrays, found something else: {error}"
            ) from None
        if x.dtype == torch.float64:
            x = x.float()
        if y.dtype == torch.float64:
            y = y.float()
        if len(x) != len(y):
            raise Unusable(f"expected x and y of {name} to be of one length, found {len(x)} and {len(y)}")
        value = TensorDataset(x, y)
    if isinstance(value, Dataset) or (hasattr(value, "__getitem__") and hasattr(value, "__len__")):
        return DataLoader(value, batch_size=size, shuffle=shuffle)
    raise Unusable(f"expected {name} to be a DataLoader, a Dataset or (x, y), found {_kind(value)}")


def loss_of(given: Any, model: Any, loader: Any) -> tuple[Callable[..., Any], str]:
    """The loss that is given, or the one that fits the targets, and what it is called."""
    import torch
    from torch import nn

    if given is not None:
        if not callable(given):
            raise Unusable(f"expected loss_fn to be callable, found {_kind(given)}")
        return given, getattr(given, "__name__", type(given).__name__)
    state = torch.get_rng_state()
    batch = next(iter(loader))
    torch.set_rng_state(state)
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise Unusable(f"expected train_data to give pairs (x, y), found {_kind(batch)}; or set loss_fn")
    x, y = batch
    was = model.training
    model.eval()
    with torch.no_grad():
        outputs = _tensor_of(model(**x) if isinstance(x, dict) else model(x))
    model.train(was)
    single = outputs.dim() == 1 or outputs.shape[-1] == 1
    if not y.is_floating_point() and not single:
        return nn.CrossEntropyLoss(), "cross entropy (labels are integers)"
    if bool(((y == 0) | (y == 1)).all()) and single:
        return binary_cross_entropy_with_logits, "binary cross entropy with logits (labels are 0 and 1)"
    return mse_loss, "mean squared error (targets are numbers)"


def _tensor_of(output: Any) -> Any:
    """The first tensor of numbers of an answer, which may be a mapping, a tuple or a dataclass."""
    import torch

    from diagnose.observe.explain.calls import tensors

    return output if isinstance(output, torch.Tensor) else next(tensors(output), output)


def binary_cross_entropy_with_logits(output: Any, target: Any, reduction: str = "mean") -> Any:
    """Of one output a sample, whatever its shape."""
    from torch.nn import functional

    given = output.reshape(target.shape), target.to(output.dtype)
    return functional.binary_cross_entropy_with_logits(*given, reduction=reduction)


def mse_loss(output: Any, target: Any, reduction: str = "mean") -> Any:
    """Of targets of as many numbers as the outputs, whatever their shape."""
    from torch.nn import functional

    shaped = output.reshape(target.shape) if output.numel() == target.numel() else output
    return functional.mse_loss(shaped, target.to(output.dtype), reduction=reduction)


def _optimizer(given: Any, model: Any) -> tuple[Any, str]:
    import torch

    if given is None:
        return torch.optim.Adam(model.parameters(), lr=RATE), f"Adam({RATE})"
    if isinstance(given, torch.optim.Optimizer):
        return given, type(given).__name__
    if callable(given):
        try:
            inspect.signature(given)
            made = given(model.parameters())
        except (TypeError, ValueError) as error:
            raise Unusable(
                f"expected optimizer to be an Optimizer or a function of the parameters, found one that fails: {error}"
            ) from None
        if isinstance(made, torch.optim.Optimizer):
            return made, type(made).__name__
    raise Unusable(f"expected optimizer to be an Optimizer or a function of the parameters, found {_kind(given)}")


def _epochs(given: Any) -> int:
    if given is None:
        return EPOCHS
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return given
    raise Unusable(f"expected epochs to be a positive whole number, found {given!r}")


class _progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("training", total=epochs)

    def __enter__(self) -> Callable[[str], None]:
        self._bar.start()
        return lambda text: self._bar.update(self._task, advance=1, description=text)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
