import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(5)
torch.manual_seed(5)
SENSORS, CODE, EPOCHS = 24, 64, 30
mix = np.random.randn(4, SENSORS)


def machine(n, broken=False):
    state = np.random.uniform(-1, 1, (n, 4))
    x = np.tanh(state @ mix) + 0.15 * np.random.randn(n, SENSORS)
    if broken:
        for row in x:
            row[np.random.randint(SENSORS)] += np.random.choice([-1, 1]) * np.random.uniform(0.5, 1)
    return x


normal, val, test_ok, test_bad = machine(3000), machine(600), machine(500), machine(500, broken=True)
mean, std = normal.mean(0), normal.std(0)
normal, val, test_ok, test_bad = [torch.tensor((a - mean) / std, dtype=torch.float32) for a in (normal, val, test_ok, test_bad)]


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(SENSORS, 96), nn.LeakyReLU(0.1), nn.Linear(96, CODE))
        self.decoder = nn.Sequential(nn.Linear(CODE, 96), nn.LeakyReLU(0.1), nn.Linear(96, SENSORS))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder()
criterion = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=EPOCHS * 47)
loader = DataLoader(TensorDataset(normal), batch_size=64, shuffle=True)
for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for (x,) in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), x)
        loss.backward()
        optimizer.step()
        scheduler.step()
        train_loss += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        val_loss = criterion(model(val), val).item()
        both = torch.cat([test_ok, test_bad])
        score = (model(both) - both).pow(2).mean(1)
        auc = roc_auc_score([0] * len(test_ok) + [1] * len(test_bad), score)
    print(f"epoch {epoch + 1} train loss {train_loss:.5f} val loss {val_loss:.5f} fault detection auc {auc:.3f}")
