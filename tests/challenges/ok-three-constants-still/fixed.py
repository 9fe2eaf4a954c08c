"""Fitting the three constants of a still: no network, a formula from the text book whose constants are learnt by gradient descent."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 20
torch.manual_seed(19)


class Still(nn.Module):
    """Temperature of a still after `minutes` at a heating power (kW) in a room: it warms towards a balance with its losses."""

    def __init__(self):
        super().__init__()
        self.log_capacity = nn.Parameter(torch.tensor(0.0))
        self.log_loss = nn.Parameter(torch.tensor(0.0))
        self.start = nn.Parameter(torch.tensor(0.0))

    def forward(self, power, room, minutes):
        loss = self.log_loss.exp()
        balance = room + power / loss
        rate = loss / self.log_capacity.exp()
        return balance + (self.start - balance) * torch.exp(-rate * minutes)


def runs(n):
    power, room, minutes = 1 + 2 * torch.rand(n), 0.4 * torch.randn(n), 4 * torch.rand(n)
    truth = Still()
    with torch.no_grad():
        for p, v in zip(truth.parameters(), (0.6, -0.4, -0.5)):
            p.fill_(v)
        temperature = truth(power, room, minutes) + 0.15 * torch.randn(n)
    return power, room, minutes, temperature


train = DataLoader(TensorDataset(*runs(1500)), batch_size=50, shuffle=True)
val = runs(500)
model = Still()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
mse = nn.MSELoss()
for epoch in range(1, EPOCHS + 1):
    total = 0.0
    for power, room, minutes, temperature in train:
        optimizer.zero_grad()
        loss = mse(model(power, room, minutes), temperature)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(train)
    with torch.no_grad():
        prediction = model(*val[:3])
        val_loss = mse(prediction, val[3]).item()
        r2 = 1 - val_loss / val[3].var().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val_loss:.4f} R2 {r2:.3f}")
print({name: round(p.item(), 3) for name, p in model.named_parameters()})
