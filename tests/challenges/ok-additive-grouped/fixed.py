import torch
from torch import nn
import torch.nn.functional as F

SEED = 33
EPOCHS = 24
torch.manual_seed(SEED)
FEATURES = 10      # only the first four matter


def bakery(n):
    """Ten readings of an oven and the volume of the loaf."""
    x = torch.rand(n, FEATURES) * 2 - 1
    y = torch.sin(3 * x[:, 0]) + 1.5 * x[:, 1].abs() + 0.8 * x[:, 2] + (x[:, 3] > 0.2).float() - 1.2
    return x, y + 0.35 * torch.randn(n)


class Additive(nn.Module):
    """One small net a reading, all computed at once by grouped 1x1 convolutions; the answer is their sum."""

    def __init__(self, width=16):
        super().__init__()
        self.shapes = nn.Sequential(
            nn.Conv1d(FEATURES, FEATURES * width, 1, groups=FEATURES), nn.ReLU(),
            nn.Conv1d(FEATURES * width, FEATURES * width, 1, groups=FEATURES), nn.ReLU(),
            nn.Conv1d(FEATURES * width, FEATURES, 1, groups=FEATURES))
        self.level = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        parts = self.shapes(x.unsqueeze(2)).squeeze(2)
        return parts.sum(1) + self.level, parts


x_train, y_train = bakery(2500)
x_val, y_val = bakery(1500)
model = Additive()
optimizer = torch.optim.Adamax(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, EPOCHS)

for epoch in range(1, EPOCHS + 1):
    losses = []
    for rows in torch.randperm(len(x_train)).split(50):
        out, parts = model(x_train[rows])
        size = parts.pow(2).mean(0).add(1e-8).sqrt()
        loss = F.huber_loss(out, y_train[rows]) + 0.01 * size.sum()      # lets whole readings go silent
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    with torch.no_grad():
        out, parts = model(x_val)
        val_loss = F.huber_loss(out, y_val).item()
        used = (parts.std(0) > 0.05).sum().item()
    print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} readings in use {used}")
