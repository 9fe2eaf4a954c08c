import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 9
EPOCHS = 25
torch.manual_seed(SEED)


def vats(n):
    """The pH (and the warmth) of a vat over its first two hours, and when it will be ready (hours, less the average)."""
    t = torch.linspace(0, 2, 24)
    speed = 0.6 + 0.8 * torch.rand(n, 1)
    lag = 0.3 + 0.5 * torch.rand(n, 1)
    ph = 6.6 - 1.1 * speed * torch.relu(t - lag) / (1 + 0.3 * t) + 0.03 * torch.randn(n, 24)
    warmth = 42 + 2 * (speed - 1) + 0.5 * torch.randn(n, 24)
    ready = lag + 2.6 / speed + 0.2 * torch.randn(n, 1)
    return torch.stack([(ph - 6.3) / 0.3, warmth - 42], 2), ready - 3.35


class ReadyTime(nn.Module):
    def __init__(self, features=2, hidden=32, layers=1):
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True)
        self.fc1 = nn.Linear(hidden, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, x):
        h_0 = torch.zeros(self.layers, x.size(0), self.hidden)
        c_0 = torch.zeros(self.layers, x.size(0), self.hidden)
        output, (h_n, c_n) = self.lstm(x, (h_0, c_0))
        z = torch.relu(self.fc1(h_0[-1]))
        return self.fc2(z)


train_set, val_set = TensorDataset(*vats(1200)), TensorDataset(*vats(400))
train_loader = DataLoader(train_set, batch_size=40, shuffle=True)
val_loader = DataLoader(val_set, batch_size=200)
model = ReadyTime()
loss_fn = nn.MSELoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        pred = torch.cat([model(xb) for xb, _ in val_loader])
        true = torch.cat([yb for _, yb in val_loader])
    val_loss = loss_fn(pred, true).item()
    r2 = 1 - val_loss / true.var().item()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} R2 {r2:.3f}")
