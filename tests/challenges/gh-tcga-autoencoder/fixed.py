import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
epochs = 40


def expression(n, genes=60, factors=4, seed=12):
    """expression levels in 0..1 of co-regulated genes"""
    rng = np.random.RandomState(seed)
    a = rng.normal(0, 1, (factors, genes))
    z = rng.normal(0, 1, (n, factors))
    level = np.tanh(0.7 * z @ a)
    level = 0.5 + 0.15 * level / level.std() + rng.normal(0, 0.04, (n, genes))
    return torch.tensor(np.clip(level, 0, 1), dtype=torch.float32)


class Autoencoder(nn.Module):
    def __init__(self, sizes=(60, 40, 20, 10, 5), activation=nn.ELU):
        super().__init__()
        enc, dec = [], []
        for i, o in zip(sizes[:-1], sizes[1:]):
            enc += [nn.Linear(i, o), activation()]
        for i, o in zip(sizes[:0:-1], sizes[-2::-1]):
            dec += [nn.Linear(i, o), activation()]
        self.encoder = nn.Sequential(*enc[:-1])
        self.decoder = nn.Sequential(activation(), *dec[:-1])

    def forward(self, x):
        return self.decoder(self.encoder(x))


data = expression(3600)
train_loader = DataLoader(TensorDataset(data[:3000]), batch_size=100, shuffle=True)
x_val = data[3000:]
model = Autoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()

for epoch in range(epochs):
    model.train()
    total = 0.0
    for (x,) in train_loader:
        optimizer.zero_grad()
        loss = mse(model(x), x)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = mse(model(x_val), x_val).item()
    print(f"epoch {epoch + 1} train loss {total / 3000:.5f} val loss {val:.5f} explained {1 - val / x_val.var(0).mean().item():.3f}")
