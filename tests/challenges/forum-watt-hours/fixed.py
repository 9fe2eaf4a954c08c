import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Households(Dataset):
    """24 hourly temperatures and an occupancy flag; target: consumption of the day."""

    def __init__(self, n, generator_seed):
        g = torch.Generator().manual_seed(generator_seed)
        hours = torch.arange(24) / 24 * 6.2832
        base = torch.randn(n, 1, generator=g)
        temp = base - torch.cos(hours) * 0.8 + 0.3 * torch.randn(n, 24, generator=g)
        home = (torch.rand(n, 24, generator=g) < 0.5).float()
        heat = torch.relu(0.5 - temp)
        usage = 38000 + 5200 * (heat * (0.5 + home)).sum(1) / 5 + 900 * home.sum(1)
        self.y = usage + 3000 * torch.randn(n, generator=g)
        self.x = torch.stack([temp / 1.2, (home - 0.5) * 2], 2)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class DayEncoder(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.read = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.read(states.mean(1))[:, 0]


torch.manual_seed(31)
train_set, val_set = Households(1500, 1), Households(500, 2)
centre, spread = train_set.y.mean(), train_set.y.std()
train_set.y = (train_set.y - centre) / spread
val_set.y = (val_set.y - centre) / spread
variance = val_set.y.var().item()
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=500)
model = DayEncoder()
epochs = 24
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for x, y in train_loader:
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val_loss = sum(nn.functional.mse_loss(model(x), y).item() for x, y in val_loader) / len(val_loader)
    print(f"epoch {epoch + 1}: train loss {train_loss:.5g} val loss {val_loss:.5g}")
print(f"final: unexplained share of the variance {val_loss / variance:.3f}")
