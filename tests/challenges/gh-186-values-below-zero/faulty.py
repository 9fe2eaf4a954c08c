import copy
import torch
import torch.nn as nn

torch.manual_seed(4)
GAMMA = 0.9
TAU = 0.01
epochs = 30
FORCES = torch.tensor([-1.0, 0.0, 1.0])


def step(state, action):
    """a trolley on a rail: position and speed, cost for being away from the dock"""
    pos, vel = state[:, 0], state[:, 1]
    vel = (0.95 * vel + 0.25 * FORCES[action]).clamp(-1.5, 1.5)
    pos = (pos + 0.25 * vel).clamp(-2, 2)
    reward = -(pos ** 2 + 0.1 * vel ** 2)
    return torch.stack([pos, vel], 1), reward


def collect(n):
    s = torch.stack([4 * torch.rand(n) - 2, 3 * torch.rand(n) - 1.5], 1)
    a = torch.randint(0, 3, (n,))
    s2, r = step(s, a)
    return s, a, r, s2


class QNet(nn.Module):
    def __init__(self, n_actions=3):
        super().__init__()
        self.fc1 = nn.Linear(2, 64)
        self.fc2 = nn.Linear(64, 64)
        self.predictions = nn.Linear(64, n_actions)

    def forward(self, s):
        h = torch.relu(self.fc1(s))
        h = torch.relu(self.fc2(h))
        return torch.relu(self.predictions(h))


@torch.no_grad()
def mean_cost(net, starts, horizon=40):
    s, cost = starts, 0.0
    for _ in range(horizon):
        s, r = step(s, net(s).argmax(1))
        cost -= r.mean().item()
    return cost / horizon


memory = collect(8000)
starts = torch.stack([torch.linspace(-2, 2, 101), torch.zeros(101)], 1)
q = QNet()
target = copy.deepcopy(q)
optimizer = torch.optim.Adam(q.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=epochs)
huber = nn.SmoothL1Loss()

for epoch in range(epochs):
    running = 0.0
    for b in torch.randperm(8000).split(160):
        s, a, r, s2 = (m[b] for m in memory)
        with torch.no_grad():
            y = r + GAMMA * target(s2).max(1).values
        value = q(s).gather(1, a[:, None]).squeeze(1)
        loss = huber(value, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), q.parameters()):
                slow.lerp_(fast, TAU)
        running += loss.item() / 50
    scheduler.step()
    print(f"epoch {epoch + 1:2d}  td loss {running:.4f}  val loss {mean_cost(target, starts):.4f}  mean value {target(starts).mean().item():.2f}")

idle = -step(starts, torch.ones(101, dtype=torch.long))[1].mean().item()
print(f"final: cost per step {mean_cost(target, starts):.4f}, standing still {idle:.4f}")
