"""One training twice: in copies (DistributedDataParallel), then in pieces (fully_shard). Alone, the whole batch is one process's.

Prints, for each rank, what the ranks said to each other and what was done to spread tensors, and a digest of the weights.
"""

import hashlib
import os
from collections import Counter

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils._python_dispatch import TorchDispatchMode

STEPS, BATCH = 24, 16
RANK, WORLD = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class Counts(TorchDispatchMode):
    """How often each collective, and each operation on a DTensor, was called."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function)
        if name.startswith(("c10d", "_c10d")) or any(issubclass(kind, DTensor) for kind in types):
            self.seen[name] += 1
        return function(*args, **(kwargs or {}))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3, bias=True))


def train(model):
    torch.manual_seed(1)
    x = torch.randn(STEPS * BATCH, 8)
    y = (x[:, :3] + 0.3 * torch.randn(len(x), 3)).argmax(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    with Counts() as counts:
        for step in range(STEPS):
            mine = torch.arange(step * BATCH, (step + 1) * BATCH)[RANK::WORLD]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[mine]), y[mine])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
    digest = hashlib.sha256()
    for parameter in model.parameters():
        held = parameter._local_tensor if isinstance(parameter, DTensor) else parameter
        digest.update(held.detach().numpy().tobytes())
    print(f"rank {RANK}: {sorted(counts.seen.items())} {digest.hexdigest()}\n", end="", flush=True)


def main():
    if WORLD == 1:
        train(network())
        train(network())
        return
    dist.init_process_group("gloo")
    train(DistributedDataParallel(network()))
    pieces = network()
    mesh = init_device_mesh("cpu", (WORLD,))
    for layer in (pieces[0], pieces[2]):
        fully_shard(layer, mesh=mesh)
    fully_shard(pieces, mesh=mesh)
    train(pieces)
    dist.destroy_process_group()


main()
