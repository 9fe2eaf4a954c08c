"""Two noisy recordings of the same event get the same embedding; variance and covariance terms keep it from shrinking."""
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(9)
CHANNELS, SOURCES = 40, 6
mixing = torch.randn(SOURCES, CHANNELS)
bend = torch.randn(SOURCES, CHANNELS)


def events(n):
    s = torch.randn(n, SOURCES)
    clean = s @ mixing / SOURCES ** 0.5 + torch.tanh(s @ bend)
    return s, clean


def record(clean):
    return clean + 0.8 * torch.randn_like(clean)


def vicreg(a, b):
    invariance = F.mse_loss(a, b)
    variance = covariance = 0.0
    for z in (a, b):
        z = z - z.mean(0)
        variance = variance + F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() / 2
        c = (z.T @ z) / (len(z) - 1)
        covariance = covariance + (c.pow(2).sum() - c.diagonal().pow(2).sum()) / z.shape[1] / 2
    return 10 * invariance + 10 * variance + covariance


_, train_clean = events(3000)
val_s, val_clean = events(1000)
val_a, val_b = record(val_clean), record(val_clean)
encoder = nn.Sequential(nn.Linear(CHANNELS, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, SOURCES))
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)

epochs = 25
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    encoder.train()
    total = 0.0
    for clean in train_clean[torch.randperm(len(train_clean))].split(300):
        loss = vicreg(encoder(record(clean)), encoder(record(clean)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(clean) / len(train_clean)
    scheduler.step()
    encoder.eval()
    with torch.no_grad():
        a, b = encoder(val_a), encoder(val_b)
        val = vicreg(a, b).item()
        z = torch.cat([a, torch.ones(len(a), 1)], 1)
        fit = z @ torch.linalg.lstsq(z, val_s).solution
        r2 = 1 - (fit - val_s).pow(2).mean().item() / val_s.var().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} r2 of the sources {r2:.4f}")
