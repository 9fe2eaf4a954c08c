"""Explains a model file: runs it, loads weights into its model, keeps samples of its data, records the result as a run."""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnose.errors import DiagnoseError, UsageError, one_line

if TYPE_CHECKING:
    from diagnose.observe.explain.ending import Wish

MOST = 512  # samples that are looked at


def explain_file(file: Path, weights: Path | None, wish: Wish) -> str:
    """Explains the model of a file, and returns the folder of the run that holds the result.

    Raises:
        DiagnoseError: the file defines no model or data, the weights do not fit or are not safe to load, or the model
            cannot be explained; one line says which.
    """
    from diagnose.launch.model_file import Unusable, loader_of, loss_of, model_of

    namespace = _namespace(file)
    missing = [name for name in ("model",) if name not in namespace]
    given = next((name for name in ("val_data", "train_data") if namespace.get(name) is not None), None)
    if missing or given is None:
        names = "model" if missing else "train_data or val_data"
        raise UsageError(f"expected {file.name} to define {names}, found none of that name; data and a model are needed to explain it")
    try:
        model = model_of(namespace["model"])
        if weights is not None:
            load_weights(model, weights)
        batch = namespace.get("batch_size")
        loader = loader_of(namespace[given], given, shuffle=False, batch=batch)
        train = namespace.get("train_data") if given == "val_data" else None
        trained = None if train is None else loader_of(train, "train_data", shuffle=False, batch=batch)
        loss, _ = loss_of(namespace.get("loss_fn"), model, loader)
    except Unusable as problem:
        raise UsageError(str(problem)) from None
    except (RuntimeError, TypeError, ValueError, IndexError) as error:  # a forward or a data set of the file's own
        raise DiagnoseError(f"the model refuses its data: {one_line(str(error))[:200]}") from error
    return _recorded(file, weights, model, loader, given, trained, loss, namespace.get("feature_names"), wish)


def _namespace(file: Path) -> dict[str, Any]:
    """What the file defines; it is run as a program of its own would be."""
    sys.path.insert(0, str(file.parent.resolve()))
    argv, sys.argv = sys.argv, [str(file)]
    try:
        return runpy.run_path(str(file), run_name="__main__")
    except SystemExit as end:
        raise DiagnoseError(f"expected {file.name} to define a model and data, but it ended with {end.code!r}") from None
    except Exception as error:
        raise DiagnoseError(f"{file.name} failed before it had defined its model: {type(error).__name__}: {one_line(str(error))}") from error
    finally:
        sys.argv = argv
        sys.path.remove(str(file.parent.resolve()))


def load_weights(model: Any, weights: Path) -> None:
    """Loads a state dict into a model; nothing but tensors is ever unpickled.

    Raises:
        DiagnoseError: it cannot be read, is not a state dict, or does not fit.
    """
    state = _state(weights)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state:
        raise DiagnoseError(f"expected a state dict in {str(weights)!r}, found {type(state).__name__}")
    own = model.state_dict()
    state = {_unwrapped(key, own): value for key, value in state.items()}
    missing = [key for key in own if key not in state]
    unknown = [key for key in state if key not in own]
    unlike = [key for key in own if key in state and getattr(state[key], "shape", None) != own[key].shape]
    if missing or unknown or unlike:
        told = [f"misses {key}{_more(missing)}" for key in missing[:1]]
        told += [f"has the unknown {key}{_more(unknown)}" for key in unknown[:1]]
        told += [
            f"has {key} of shape {tuple(getattr(state[key], 'shape', ()))}, the model {tuple(own[key].shape)}"
            for key in unlike[:1]
        ]
        raise DiagnoseError(f"expected weights that fit the model, but {weights.name} {', '.join(told)}")
    model.load_state_dict(state)


def _state(weights: Path) -> Any:
    if not weights.is_file():
        raise UsageError(f"expected --weights with a file, found none at {str(weights)!r}")
    if weights.suffix == ".safetensors":
        try:
            from safetensors.torch import load_file
        except ImportError:
            raise DiagnoseError("expected the package safetensors for a .safetensors file, found none; run: pip install safetensors") from None
        try:
            return load_file(str(weights))
        except Exception as error:
            raise DiagnoseError(f"expected safetensors in {str(weights)!r}, found something else ({one_line(str(error))})") from error
    import pickle

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a file has that is not expected is told in one line of ours
            return torch.load(weights, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise DiagnoseError(
            f"refused to unpickle {str(weights)!r}: it holds more than tensors, and could run code; save model.state_dict() instead"
        ) from None
    except Exception as error:
        said = one_line(str(error))[:200] or type(error).__name__
        raise DiagnoseError(f"expected a state dict in {str(weights)!r}, found something else ({said})") from error


def _unwrapped(key: str, own: dict[str, Any]) -> str:
    """A key without what DataParallel or torch.compile put before it."""
    for prefix in ("module.", "_orig_mod."):
        if key not in own and key.removeprefix(prefix) in own:
            return key.removeprefix(prefix)
    return key


def _more(keys: list[str]) -> str:
    return f" and {len(keys) - 1} more" if len(keys) > 1 else ""


def _recorded(
    file: Path, weights: Path | None, model: Any, loader: Any, given: str, trained: Any, loss: Any, names: Any, wish: Wish
) -> str:
    import torch

    from diagnose import __version__
    from diagnose.observe.explain.given import explain_loaders
    from diagnose.record.explanations import write_explanation
    from diagnose.record.writer import Writer

    explanation = explain_loaders(
        model, loader, trained, loss=loss, data=given, wish=wish, names=() if names is None else tuple(map(str, names)),
        notes=() if weights is not None else ("no --weights were given: the network is as the file makes it",),
    )  # fmt: skip
    facts = {
        "versions": {"torch": str(torch.__version__), "diagnose": __version__}, "cwd": str(Path.cwd()), "explained": str(file),
    }  # fmt: skip
    writer = Writer.create(Path.cwd(), file.name, [], facts=facts)
    writer.stream(0, type="none", networks=[explanation.network])
    write_explanation(writer, 0, explanation)
    writer.close("finished", 0)
    if writer.stopped:
        raise DiagnoseError(writer.stopped)
    if explanation.refused:
        raise DiagnoseError(f"{explanation.network} is not explained: {explanation.refused}")
    return str(writer.path)
