"""Three trainings by two processes, each with a fault of its own."""

import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
x = torch.randn(320, 8)
data = TensorDataset(x, (x[:, 0] * x[:, 1] > 0).long())


def network():
    torch.manual_seed(0)
    return DistributedDataParallel(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)))


def train(loader, forward, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        for inputs, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(forward(inputs), labels).backward()
            optimizer.step()


def own_part():
    return DataLoader(data, batch_size=16, sampler=DistributedSampler(data))


def drifts():
    model = network()
    train(own_part(), model.module, model)  # FAULT: past the wrapper, so that nothing averages the gradients


def repeats():
    model = network()
    torch.manual_seed(7)
    train(DataLoader(data, batch_size=16, shuffle=True), model, model)  # FAULT: every rank draws the same order


def straggles():
    model = network()

    def forward(inputs):
        if rank == 1:
            time.sleep(0.04)  # FAULT: one rank does something more at every step
        return model(inputs)

    train(own_part(), forward, model)


drifts()
repeats()
straggles()
dist.destroy_process_group()
