import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(47)
epochs = 34
N_AGENTS, N_ACTIONS = 2, 5


def kitchen(n, seed):
    """states of a small kitchen (two cooks, pot, counter, shelf) with the measured value of each action of the first cook"""
    rng = np.random.default_rng(seed)
    cooks = rng.uniform(-1, 1, (n, N_AGENTS, 2))
    places = rng.uniform(-1, 1, (n, 2, 2))
    carrying = rng.integers(0, 2, n)
    goal = np.where(carrying[:, None] == 1, places[:, 0], places[:, 1])
    moves = 0.4 * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    after = cooks[:, 0, None, :] + moves
    value = 1.5 - np.abs(after - goal[:, None]).sum(-1)
    value -= 1.2 * (np.hypot(*np.moveaxis(after - cooks[:, 1, None], -1, 0)) < 0.5)
    value += rng.normal(0, 0.75, value.shape)
    obs = np.concatenate([cooks.reshape(n, -1), places.reshape(n, -1), 2.0 * carrying[:, None] - 1], 1)
    return torch.tensor(obs, dtype=torch.float32), torch.tensor(value, dtype=torch.float32)


class QNetwork(nn.Module):
    def __init__(self, n_obs, hidden=80):
        super().__init__()
        self.dense1 = nn.Linear(n_obs, hidden)
        self.dense2 = nn.Linear(hidden, hidden)
        self.q = nn.Linear(hidden, N_ACTIONS)
        for layer in (self.dense1, self.dense2, self.q):
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, obs):
        x = torch.relu(self.dense1(obs))
        x = torch.relu(self.dense2(x))
        return self.q(x)


obs, value = kitchen(6000, 1)
obs_val, value_val = kitchen(1500, 2)
network = QNetwork(obs.shape[1])
optimizer = torch.optim.RAdam(network.parameters(), lr=5e-3)
annealing = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=epochs)

for epoch in range(epochs):
    total = 0.0
    for b in torch.randperm(len(obs)).split(100):
        action = torch.randint(0, N_ACTIONS, (len(b), 1))
        loss = (network(obs[b]).gather(1, action) - value[b].gather(1, action)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        total += loss.item() * len(b) / len(obs)
    annealing.step()
    with torch.no_grad():
        q = network(obs_val)
        val_loss = (q - value_val).pow(2).mean().item()
        lost = (value_val.max(1).values - value_val.gather(1, q.argmax(1, keepdim=True)).squeeze(1)).mean().item()
    print(f"epoch {epoch + 1} td error {total:.4f} val loss {val_loss:.4f} lost by the greedy action {lost:.3f}")
print(f"final: val loss {val_loss:.4f}, variance of the values {value_val.var().item():.4f}, lost by the greedy action {lost:.3f}")
