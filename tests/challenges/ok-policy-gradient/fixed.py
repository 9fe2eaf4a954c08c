import torch
import torch.nn as nn
from torch.distributions import Categorical


class Casino:
    """five machines; which one pays depends on what one sees"""

    def __init__(self):
        self.rule = torch.randn(8, 5)

    def chance(self, state):
        return 0.1 + 0.8 * torch.softmax(2.5 * state @ self.rule, 1)

    def play(self, state, action):
        return torch.bernoulli(self.chance(state)[torch.arange(len(state)), action])


torch.manual_seed(3)
casino = Casino()
policy = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 5))
value = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
epochs = 20
optimizer = torch.optim.Adam([*policy.parameters(), *value.parameters()], lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
fixed_states = torch.randn(2000, 8)
for epoch in range(epochs):
    for _ in range(40):
        state = torch.randn(256, 8)
        choice = Categorical(logits=policy(state))
        action = choice.sample()
        reward = casino.play(state, action)
        guess = value(state).squeeze(1)
        advantage = reward - guess.detach()
        loss = -(choice.log_prob(action) * advantage).mean() + 0.5 * (guess - reward).square().mean() - 0.005 * choice.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        greedy = policy(fixed_states).argmax(1)
        cost = 1 - casino.chance(fixed_states)[torch.arange(2000), greedy].mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():+.4f} val loss {cost:.4f}")
print(f"final: val loss {cost:.4f} (share of lost games)")
