import datetime
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(8)
rng = np.random.default_rng(8)

# advertisements of used tractors
n = 2500
first_day = datetime.datetime(2016, 1, 1, tzinfo=datetime.timezone.utc).timestamp()
listed = first_day + rng.uniform(0, 7 * 365.25, n) * 86400
power = rng.normal(110, 30, n)
hours = rng.gamma(2.0, 2500, n)
front_loader = rng.integers(0, 2, n)
years = (listed - first_day) / (365.25 * 86400)
log_price = (0.9 * (power - 110) / 110 - 0.35 * hours / 5000 + 0.15 * front_loader
             + 0.12 * years + 0.2 * np.sin(1.8 * years) + rng.normal(0, 0.1, n))

technical = np.column_stack([power, hours])
technical = (technical - technical.mean(0)) / technical.std(0)
when = listed
when = (when - when.mean()) / when.std()
features = torch.tensor(np.column_stack([technical, front_loader, when]), dtype=torch.float32)
target = torch.tensor((log_price - log_price.mean()) / log_price.std(), dtype=torch.float32)[:, None]
train_set, val_set = random_split(TensorDataset(features, target), [2000, 500])
train_loader = DataLoader(train_set, batch_size=40, shuffle=True)
val_loader = DataLoader(val_set, batch_size=500)


class PriceNet(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.hidden1 = nn.Linear(n_features, 48)
        self.hidden2 = nn.Linear(48, 48)
        self.output = nn.Linear(48, 1)

    def forward(self, x):
        x = torch.relu(self.hidden1(x))
        x = torch.relu(self.hidden2(x))
        return self.output(x)


net = PriceNet(features.shape[1])
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
epochs = 25
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.MSELoss()

for epoch in range(1, epochs + 1):
    net.train()
    train_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(x) / len(train_set)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        for x, y in val_loader:
            out = net(x)
            val_loss = criterion(out, y).item()
            r2 = 1 - val_loss / y.var(unbiased=False).item()
    print(f"epoch {epoch}: train loss {train_loss:.5g} val loss {val_loss:.5g} r2 {r2:.4g}")
