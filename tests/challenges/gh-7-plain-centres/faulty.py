import torch
from torch import nn

torch.manual_seed(33)


class RadialBasis(nn.Module):
    """bumps with a centre and a width of their own"""

    def __init__(self, inputs, bumps):
        super().__init__()
        self.centres = torch.randn(bumps, inputs, requires_grad=True)
        self.log_width = torch.zeros(bumps, requires_grad=True)

    def forward(self, x):
        distance = ((x[:, None] - self.centres) ** 2).sum(2)
        return torch.exp(-distance * torch.exp(-2 * self.log_width))


class BumpNet(nn.Module):
    def __init__(self, inputs=4, bumps=24):
        super().__init__()
        self.bumps = RadialBasis(inputs, bumps)
        self.out = nn.Linear(bumps, 1)

    def forward(self, x):
        return self.out(self.bumps(x))


def ozone(n):
    """wind, temperature, radiation and hour (all standardised) against the standardised ozone reading"""
    x = torch.randn(n, 4)
    wind, temp, sun, hour = x.T
    y = torch.tanh(temp + 0.6 * sun) - 0.8 * torch.exp(-(wind - 0.7) ** 2) + 0.7 * torch.sin(1.5 * hour) * torch.sigmoid(2 * sun)
    return x, (y + 0.25 * torch.randn(n))[:, None]


x_train, y_train = ozone(2500)
x_val, y_val = ozone(800)
model = BumpNet()
print(model)
epochs = 60
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
loss_fn = nn.MSELoss()
for epoch in range(epochs):
    for xb, yb in zip(*(t.split(64) for t in (lambda p: (x_train[p], y_train[p]))(torch.randperm(len(x_train))))):
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        train_loss = loss_fn(model(x_train), y_train).item()
        val_loss = loss_fn(model(x_val), y_val).item()
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f}")
r2 = 1 - val_loss / y_val.var(correction=0).item()
print(f"final: val loss {val_loss:.4f}, R2 {r2:.3f}")
