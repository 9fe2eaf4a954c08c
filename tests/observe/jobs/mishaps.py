"""On its first start rank 1 meets a sample that is not a number, and then fails, as on a machine that is taken away."""

import os

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

# torch 2.13's gloo may find the addresses of the processes before a restart in the agent's store: each start has its own
start = os.environ["TORCHELASTIC_RESTART_COUNT"]
dist.init_process_group("gloo", init_method=f"file://{os.getcwd()}/start{start}", rank=int(os.environ["RANK"]), world_size=2)
torch.manual_seed(0)
model = fully_shard(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), mesh=init_device_mesh("cpu", (2,)))
optimizer = torch.optim.AdamW(model.parameters())
torch.manual_seed(1 + dist.get_rank())  # each its own samples
unlucky = dist.get_rank() == 1 and start == "0"
for step in range(12):
    inputs = torch.randn(8, 4)
    if unlucky and step == 3:
        inputs[2, 1] = float("nan")
    if unlucky and step == 5:
        raise RuntimeError("this machine was taken away")
    optimizer.zero_grad()
    nn.functional.mse_loss(model(inputs), torch.randn(8, 1)).backward()
    optimizer.step()
dist.destroy_process_group()
