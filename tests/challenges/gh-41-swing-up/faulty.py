# imitates the torque of an expert who swings a pendulum up (torque between -2 and 2)
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(8)
MAX_TORQUE = 2.0
epochs = 20


def expert(theta, omega):
    energy = 0.5 * omega ** 2 + 10 * (torch.cos(theta) - 1)
    swing = -1.2 * energy * torch.sign(omega) * 0.4
    balance = -12 * torch.atan2(theta.sin(), theta.cos()) - 3 * omega
    torque = torch.where(theta.cos() > 0.9, balance, swing)
    return torque.clamp(-MAX_TORQUE, MAX_TORQUE)


def rollouts(n, steps=24):
    theta, omega = (2 * torch.rand(n) - 1) * math.pi, (2 * torch.rand(n) - 1) * 4
    seen, actions = [], []
    for _ in range(steps):
        torque = (expert(theta, omega) + 0.3 * torch.randn(n)).clamp(-MAX_TORQUE, MAX_TORQUE)
        seen.append(torch.stack([theta.cos(), theta.sin(), omega / 8], 1))
        actions.append(torque)
        omega = (omega + (15 * theta.sin() + 3 * torque) * 0.05).clamp(-8, 8)
        theta = theta + omega * 0.05
    observations = torch.stack(seen, 1)
    return observations + 0.02 * torch.randn_like(observations), torch.stack(actions, 1)


class Actor(nn.Module):
    def __init__(self, n_obs=3, hidden=32):
        super().__init__()
        self.rnn = nn.RNN(n_obs, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, hidden)
        self.mu = nn.Linear(hidden, 1)

    def forward(self, obs):
        h, _ = self.rnn(obs)
        h = F.relu(self.fc(h))
        return torch.tanh(self.mu(h)).squeeze(-1)


train_obs, train_act = rollouts(1500)
val_obs, val_act = rollouts(400)
actor = Actor()
optimizer = torch.optim.Adam(actor.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.85)

for epoch in range(epochs):
    epoch_loss = 0.0
    perm = torch.randperm(len(train_obs))
    for i in range(0, len(perm), 30):
        batch = perm[i:i + 30]
        loss = F.mse_loss(actor(train_obs[batch]), train_act[batch])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(actor.parameters(), 5.0)
        optimizer.step()
        epoch_loss += loss.item() * len(batch)
    scheduler.step()
    with torch.no_grad():
        action = actor(val_obs)
        val_loss = F.mse_loss(action, val_act).item()
        off = (action - val_act).abs().mean().item()
    print(f"epoch {epoch:2d} train loss {epoch_loss / len(perm):.4f} val loss {val_loss:.4f} mean miss {off:.3f}")
