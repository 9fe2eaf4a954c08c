"""Monte-Carlo evaluation of a fixed policy: a cart is pushed towards the origin with noise; cost = squared distance."""
import torch
import torch.nn as nn

torch.manual_seed(64)
GAMMA = 0.9


def rollouts(n, horizon=40):
    x, v = 2 * torch.randn(n), torch.randn(n)
    states, rewards = [], []
    for _ in range(horizon):
        states.append(torch.stack([x, v], 1))
        push = torch.clamp(-1.2 * x - 0.8 * v, -1, 1) + 1.6 * torch.randn(n)
        v = 0.9 * v + 0.3 * push
        x = x + 0.3 * v
        rewards.append(-torch.clamp(x.abs(), max=3))
    returns, g = [], torch.zeros(n)
    for r in reversed(rewards):
        g = r + GAMMA * g
        returns.insert(0, g)
    return torch.stack(states[:horizon // 2]).reshape(-1, 2), torch.stack(returns[:horizon // 2])


def experience(n):
    states, returns = rollouts(n)
    return states, returns.reshape(-1, 1)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 32)
        self.fc2 = nn.Linear(32, 32)
        self.v = nn.Linear(32, 1)

    def forward(self, s):
        h = torch.tanh(self.fc1(s))
        h = torch.tanh(self.fc2(h))
        return self.v(h).squeeze(-1)


def critic_loss(values, returns):
    return 0.5 * (returns - values).pow(2).mean()


critic = Critic()
epochs = 20
optim = torch.optim.Adam(critic.parameters(), lr=3e-3, eps=1e-5)
anneal = torch.optim.lr_scheduler.LambdaLR(optim, lambda e: (1 - e / epochs) ** 1.5)
states, returns = experience(200)
val_states, val_returns = experience(100)
for epoch in range(epochs):
    for mb in torch.randperm(len(states)).chunk(60):
        loss = critic_loss(critic(states[mb]), returns[mb])
        optim.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(critic.parameters(), 0.5)
        optim.step()
    anneal.step()
    with torch.no_grad():
        values = critic(val_states)
        v = critic_loss(values, val_returns).item()
    print(f"epoch {epoch + 1} critic loss {loss.item():.4f} val loss {v:.4f}")
flat = val_returns.flatten()
print(f"final: explained variance {1 - (flat - values).var().item() / flat.var().item():.3f}")
