import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
SEQ, FEATURES = 24, 3


def machine(n):
    """Vibration, temperature and load over a day; the target is the wear at the end of it."""
    load = torch.rand(n, SEQ).cumsum(1).sin() + 0.3 * torch.randn(n, SEQ)
    temp = torch.zeros(n, SEQ)
    for t in range(1, SEQ):
        temp[:, t] = 0.8 * temp[:, t - 1] + 0.5 * load[:, t]
    vib = 0.6 * load * temp + 0.2 * torch.randn(n, SEQ)
    wear = (vib * torch.linspace(0.2, 1, SEQ)).sum(1) + 0.25 * torch.randn(n)
    x = torch.stack([vib, temp, load], 2)
    return x, wear


class WearNet(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h, _ = self.lstm(x)
        return self.out(self.dropout(h[:, -1])).squeeze(1)


x, y = machine(2500)
xv, yv = machine(600)
mean, std = x.mean((0, 1)), x.std((0, 1))
y_mean, y_std = y.mean(), y.std()
train_dl = DataLoader(TensorDataset((x - mean) / std, (y - y_mean) / y_std), batch_size=64, shuffle=True)
val_dl = DataLoader(TensorDataset((xv - mean) / std, (yv - y_mean) / y_std), batch_size=200)

model = WearNet()
epochs = 22
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=epochs * len(train_dl))
criterion = nn.MSELoss()

for epoch in range(1, epochs + 1):
    model.train()
    train_loss = 0.0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        train_loss += loss.item() / len(train_dl)

    model.eval
    val_loss = 0.0
    with torch.no_grad():
        for xb, yb in val_dl:
            val_loss += criterion(model(xb), yb).item() / len(val_dl)
    print(f"epoch {epoch}/{epochs}  train loss {train_loss:.4f}  val loss {val_loss:.4f}")

print(f"final: val loss {val_loss:.4f}, r2 {1 - val_loss:.3f}")
