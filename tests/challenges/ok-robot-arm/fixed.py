import math

import numpy as np
import torch
from torch import nn

# inverse kinematics: the network names three joint angles, the loss is where the hand then is
SEED = 23
LENGTHS = torch.tensor([1.0, 0.8, 0.5])


def hand(angles):
    heading = angles.cumsum(1)
    return torch.stack([(LENGTHS * heading.cos()).sum(1), (LENGTHS * heading.sin()).sum(1)], 1)


def goals(n, rng):
    r = np.sqrt(rng.uniform(0.8 ** 2, 2.1 ** 2, n))
    phi = rng.uniform(-0.5 * math.pi, 0.5 * math.pi, n)
    return torch.tensor(np.stack([r * np.cos(phi), r * np.sin(phi)], 1), dtype=torch.float32)


class Arm(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 3))

    def forward(self, goal):
        return self.net(goal)


rng = np.random.default_rng(SEED)
torch.manual_seed(23)
train, val = goals(6000, rng), goals(1500, rng)
val_seen = val + 0.2 * torch.randn_like(val)      # the camera is not exact
arm = Arm()
epochs = 20
optimizer = torch.optim.Adam(arm.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    running = 0.0
    for goal in train[torch.randperm(len(train))].split(100):
        angles = arm(goal + 0.2 * torch.randn_like(goal))
        miss = (hand(angles) - goal).pow(2).sum(1).mean()
        effort = angles[:, 1:].pow(2).mean()
        loss = miss + 0.002 * effort
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() / 60
    scheduler.step()
    with torch.no_grad():
        angles = arm(val_seen)
        distance = (hand(angles) - val).pow(2).sum(1)
        val_loss = distance.mean().item() + 0.002 * angles[:, 1:].pow(2).mean().item()
    print("epoch", epoch + 1, "train loss %.5f" % running, "val loss %.5f" % val_loss)
print("final: val loss %.5f, the hand misses by %.3f on average" % (val_loss, distance.sqrt().mean().item()))
