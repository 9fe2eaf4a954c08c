"""What other tools record of the same trainings, each with everything it has on every step; absent where it is not installed."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from workloads import Step, Workload

Detach = Callable[[], None]
Attach = Callable[[Workload], tuple[Step, Detach]]


def _wandb(work: Workload) -> tuple[Step, Detach]:
    """`wandb.watch(log="all", log_freq=1)`, offline: histograms of parameters and gradients."""
    import wandb

    if wandb.run is None:
        os.environ["WANDB_SILENT"] = "true"
        wandb.init(mode="offline", dir=tempfile.mkdtemp())
    for at, (network, _, _) in enumerate(work.networks):
        wandb.watch(network, log="all", log_freq=1, idx=at)

    def step() -> None:
        work.step()
        wandb.log({})

    def detach() -> None:
        for network, _, _ in work.networks:
            wandb.unwatch(network)

    return step, detach


def _tensorboard(work: Workload) -> tuple[Step, Detach]:
    """The usual loop: histograms of parameters, gradients and layer outputs."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(tempfile.mkdtemp())
    count = 0

    def output(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            if isinstance(tensor, Tensor):
                writer.add_histogram(f"outputs/{name}", tensor.detach(), count)

        return hook

    hooks = [
        module.register_forward_hook(output(f"{at}.{name}"))
        for at, (network, _, _) in enumerate(work.networks)
        for name, module in network.named_modules()
        if not any(True for _ in module.children())
    ]

    def step() -> None:
        nonlocal count
        work.step()
        for at, (network, _, _) in enumerate(work.networks):
            for name, parameter in network.named_parameters():
                writer.add_histogram(f"weights/{at}.{name}", parameter.detach(), count)
                if parameter.grad is not None:
                    writer.add_histogram(f"gradients/{at}.{name}", parameter.grad, count)
        count += 1

    def detach() -> None:
        for hook in hooks:
            hook.remove()
        writer.close()

    return step, detach


def _torchlens(work: Workload) -> tuple[Step, Detach]:
    """Its tracker with every signal, scalars and histograms on every step."""
    from torchlens.trackers import JSONLSink, watch

    count = 0
    folder = Path(tempfile.mkdtemp())
    watches = [
        watch(
            network, to=JSONLSink(folder / f"{at}.jsonl"), step=lambda: count, every=1, hist_every=1, optimizer=optimizer,
            signals=("parameters", "gradients", "updates", "activations", "activation_grads"),
            select=[name for name, _ in network.named_children()], example_input=given, allow_missing_phases=True,
        )
        for at, (network, optimizer, given) in enumerate(work.networks)
    ]  # fmt: skip

    def step() -> None:
        nonlocal count
        work.step()
        count += 1

    def detach() -> None:
        for one in watches:
            one.close()

    return step, detach


OTHERS: dict[str, Attach] = {
    name: attach
    for name, attach in (("wandb", _wandb), ("tensorboard", _tensorboard), ("torchlens", _torchlens))
    if importlib.util.find_spec(name) is not None
}


def version(name: str) -> str:
    """Of an installed tool."""
    from importlib.metadata import version as of

    return f"{name} {of(name)}"


if torch.get_num_threads() != 1:
    torch.set_num_threads(1)
