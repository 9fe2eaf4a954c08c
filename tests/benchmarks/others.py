"""What other tools record of the same trainings, each with everything it has on every step; absent where it is not installed."""

from __future__ import annotations

import copy
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
    """Its tracker with every signal that it has, scalars and histograms on every step."""
    from torchlens.trackers import JSONLSink, watch

    count = 0
    folder = Path(tempfile.mkdtemp())
    watches = [
        watch(
            network, to=JSONLSink(folder / f"{at}.jsonl"), step=lambda: count, every=1, hist_every=1, optimizer=optimizer,
            signals=("parameters", "gradients", "updates", "activations"),  # gradients of outputs it does not see yet
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


def _cockpit(work: Workload) -> tuple[Step, Detach]:
    """Cockpit's cheapest set of instruments (economy) on every step, which asks for a plain classifier and for its loss by sample."""
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration

    if work.classes is None:
        raise TypeError("cockpit wants a feedforward classifier and its loss by sample")
    ((network, optimizer, given),), classes = work.networks, work.classes
    network = extend(copy.deepcopy(network))  # for good: BackPACK has no way back
    optimizer = type(optimizer)(network.parameters(), **optimizer.defaults)
    mean, by_sample = extend(nn.CrossEntropyLoss()), nn.CrossEntropyLoss(reduction="none")
    cockpit = Cockpit(network.parameters(), quantities=configuration("economy"))
    count = 0

    def step() -> None:
        nonlocal count
        optimizer.zero_grad()
        output = network(given)
        loss = mean(output, classes)
        told = {"batch_size": len(classes), "individual_losses": by_sample(output, classes), "loss": loss, "optimizer": optimizer}
        with cockpit(count, info=told):
            loss.backward(create_graph=cockpit.create_graph(count))
        optimizer.step()
        count += 1

    return step, lambda: None


OTHERS: dict[str, Attach] = {
    name: attach
    for name, attach in (("wandb", _wandb), ("tensorboard", _tensorboard), ("torchlens", _torchlens), ("cockpit", _cockpit))
    if importlib.util.find_spec(name) is not None
}


def version(name: str) -> str:
    """Of an installed tool."""
    from importlib.metadata import version as of

    return f"{name} {of({'cockpit': 'cockpit-for-pytorch'}.get(name, name))}"


if torch.get_num_threads() != 1:
    torch.set_num_threads(1)
