import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(62)
ARMS, CTX = 5, 6
payoff = torch.randn(CTX, ARMS) / CTX ** 0.5 * 1.5


def contexts(n):
    return torch.randn(n, CTX)


def reward(ctx, arm):
    return (ctx @ payoff)[torch.arange(len(ctx)), arm] + 0.4 * torch.randn(len(ctx))


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(CTX, 32), nn.Tanh())
        self.arms, self.value = nn.Linear(32, ARMS), nn.Linear(32, 1)

    def forward(self, ctx):
        h = self.trunk(ctx)
        return Categorical(logits=self.arms(h)), self.value(h).squeeze(1)


policy = Policy()
epochs = 20
updates = 60
opt = torch.optim.Adam(policy.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, total_iters=epochs)
val_ctx = contexts(2000)
best = (val_ctx @ payoff).max(1).values.mean()
for epoch in range(1, epochs + 1):
    policy.train()
    losses = gained = 0.0
    for _ in range(updates):
        ctx = contexts(128)
        dist, value = policy(ctx)
        arm = dist.sample()
        r = reward(ctx, arm)
        advantage = r - value.detach()
        loss = -(dist.log_prob(arm) * advantage).mean() + 0.5 * ((value - r) ** 2).mean() - 0.01 * dist.entropy().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses += loss.item() / updates
        gained += r.mean().item() / updates
    sched.step()
    policy.eval()
    with torch.no_grad():
        dist, _ = policy(val_ctx)
        expected = (dist.probs * (val_ctx @ payoff)).sum(1).mean()
    print(f"epoch {epoch} policy loss {losses:.4f} reward {gained:.4f} val loss {-expected:.4f}")
print(f"final: expected reward {expected:.3f}, best possible {best:.3f}")
