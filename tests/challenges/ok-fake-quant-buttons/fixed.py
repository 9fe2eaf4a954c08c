"""Quantisation-aware training: weights and activations are rounded to four bits in the forward pass."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(19)


def fake_quant(x, scale, lo, hi):
    q = (x / scale).round().clamp(lo, hi) * scale
    return x + (q - x).detach()                      # straight through


class QuantLinear(nn.Linear):
    bits = 4

    def forward(self, x):
        top = 2 ** (self.bits - 1) - 1
        scale = self.weight.detach().abs().amax(dim=1, keepdim=True) / top
        return F.linear(x, fake_quant(self.weight, scale, -top, top), self.bias)


class QuantReLU(nn.Module):
    def __init__(self, bits=4, momentum=0.95):
        super().__init__()
        self.levels, self.momentum = 2 ** bits - 1, momentum
        self.register_buffer("top", torch.tensor(0.0))

    def forward(self, x):
        x = F.relu(x)
        if self.training:
            seen = x.detach().quantile(0.999)
            self.top.copy_(seen if self.top == 0 else self.momentum * self.top + (1 - self.momentum) * seen)
        return fake_quant(x, self.top / self.levels, 0, self.levels)


def buttons(n):
    """Pressure curves of five buttons, 20 samples each, from one of five places of the finger."""
    y = torch.randint(0, 5, (n,))
    t = torch.arange(20.0)
    width = 2.5 + 0.6 * torch.rand(n, 1)
    x = torch.exp(-((t - 3 - 3.2 * y[:, None] - torch.randn(n, 1)) / width) ** 2) + 0.25 * torch.randn(n, 20)
    return 2 * x - 0.5, y


def accuracy(out, y):
    return (out.argmax(1) == y).float().mean().item()


train_x, train_y = buttons(8000)
val_x, val_y = buttons(2000)
model = nn.Sequential(nn.Linear(20, 40), QuantReLU(), QuantLinear(40, 40), QuantReLU(), QuantLinear(40, 5))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
epochs = 12
per_epoch = math.ceil(len(train_x) / 100)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 60) * max(0.01, 1 - s / (epochs * per_epoch)))
for epoch in range(1, epochs + 1):
    model.train()
    loss_sum = 0.0
    for idx in torch.randperm(len(train_x)).split(100):
        loss = F.cross_entropy(model(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        loss_sum += loss.item() / per_epoch
    model.eval()
    with torch.no_grad():
        out = model(val_x)
    print(f"epoch {epoch} train loss {loss_sum:.4f} val loss {F.cross_entropy(out, val_y).item():.4f} accuracy {accuracy(out, val_y):.3f}")
