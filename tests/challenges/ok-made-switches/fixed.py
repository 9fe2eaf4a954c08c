"""Masked autoregressive network (MADE) over twelve switches of a house."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(17)
D = 12


class MaskedLinear(nn.Linear):
    def __init__(self, n_in, n_out, mask):
        super().__init__(n_in, n_out)
        self.register_buffer("mask", mask)

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        order_in = torch.arange(1, D + 1)
        order_h = torch.arange(hidden) % (D - 1) + 1
        self.fc1 = MaskedLinear(D, hidden, (order_h[:, None] >= order_in[None]).float())
        self.fc2 = MaskedLinear(hidden, hidden, (order_h[:, None] >= order_h[None]).float())
        self.out = MaskedLinear(hidden, D, (order_in[:, None] > order_h[None]).float())

    def forward(self, x):
        h = F.relu(self.fc1(x))
        h = h + F.relu(self.fc2(h))
        return self.out(h)


def house(n):
    """Somebody is in one of four rooms, or asleep or away; switches follow with exceptions."""
    rooms = torch.tensor([[1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0],
                          [0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0], [0] * 12, [0] * 11 + [1]]).float()
    x = rooms[torch.randint(0, 6, (n,))]
    return (x - (torch.rand(n, D) < 0.12).float()).abs()


def nll(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()


train, val = house(8000), house(2000)
p = train.mean(0)
print("independent switches:", -(val * p.log() + (1 - val) * (1 - p).log()).sum(1).mean().item())
model = MADE()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
EPOCHS = 14
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(EPOCHS):
    losses = []
    model.train()
    for batch in train[torch.randperm(len(train))].split(100):
        loss = nll(model(batch), batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    model.eval()
    with torch.no_grad():
        v = nll(model(val), val).item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {v:.4f} bits {v / 0.6931:.3f}")
