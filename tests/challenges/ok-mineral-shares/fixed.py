"""Shares of four minerals in a rock from its absorption spectrum."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 1
EPOCHS = 22


def rocks(n, rng):
    band = np.linspace(0, 1, 30)
    pure = np.stack([0.4 + 0.9 * np.exp(-((band - c) / w) ** 2) for c, w in [(0.2, 0.12), (0.4, 0.2), (0.65, 0.1), (0.8, 0.25)]])
    shares = rng.dirichlet([4, 4, 4, 4], n)
    spectrum = (shares @ pure) ** 1.3 + rng.normal(0, 0.04, (n, 30))
    counted = np.stack([rng.multinomial(120, p) for p in shares]) / 120.0
    return TensorDataset(torch.tensor(spectrum, dtype=torch.float32), torch.tensor(counted, dtype=torch.float32))


rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
train_set, val_set = rocks(1500, rng), rocks(500, rng)
loader = DataLoader(train_set, batch_size=30, shuffle=True)

net = nn.Sequential(nn.Linear(30, 24), nn.ELU(), nn.Linear(24, 4), nn.LogSoftmax(dim=1))
divergence = nn.KLDivLoss(reduction="batchmean")
optimizer = torch.optim.Adagrad(net.parameters(), lr=0.05)

for epoch in range(1, EPOCHS + 1):
    net.train()
    total = 0.0
    for spectra, shares in loader:
        loss = divergence(net(spectra), shares)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(spectra)
    net.eval()
    with torch.no_grad():
        spectra, shares = val_set.tensors
        log_shares = net(spectra)
        val_loss = divergence(log_shares, shares).item()
        off = (log_shares.exp() - shares).abs().mean().item()
    print(f"epoch {epoch} train loss {total / len(train_set):.5f} val loss {val_loss:.5f} mean error of a share {off:.4f}")
