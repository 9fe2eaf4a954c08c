#!/usr/bin/env python
# coding: utf-8

# In[1]:
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = 5
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# In[2]: little glyphs out of two ellipses arcs and a bar, 16x16
def glyphs(n):
    yy, xx = np.mgrid[0:16, 0:16]
    out = np.zeros((n, 1, 16, 16), dtype=np.float32)
    for i in range(n):
        cx, cy, r = rng.uniform(6, 10), rng.uniform(6, 10), rng.uniform(3, 5)
        ring = np.exp(-((np.hypot(xx - cx, yy - cy) - r) ** 2) / 1.2)
        a = rng.uniform(0, np.pi)
        bar = np.exp(-(((xx - cx) * np.sin(a) - (yy - cy) * np.cos(a)) ** 2) / 1.2)
        out[i, 0] = np.maximum(ring, bar)
    return out


def noisy(a):
    return torch.tensor(a + 0.3 * rng.standard_normal(a.shape), dtype=torch.float32)


train = noisy(glyphs(2500))
val = noisy(glyphs(500))
print(train.shape, train.min().item(), train.max().item())

# In[3]:
class AutoEncoder(nn.Module):
    def __init__(self, code=16):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Flatten(), nn.Linear(24 * 16, 64), nn.LeakyReLU(0.1), nn.Linear(64, code))
        self.decoder = nn.Sequential(
            nn.Linear(code, 64), nn.LeakyReLU(0.1), nn.Linear(64, 24 * 16), nn.LeakyReLU(0.1), nn.Unflatten(1, (24, 4, 4)),
            nn.ConvTranspose2d(24, 12, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(12, 1, 4, stride=2, padding=1))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
epochs = 16
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, eta_min=1e-4)

# In[4]:
mean_picture = train.mean(0, keepdim=True)
print("loss of the mean picture:", F.mse_loss(mean_picture.expand_as(val), val).item())
history = {"train": [], "val": []}
for epoch in range(epochs):
    model.train()
    tl = 0.0
    perm = torch.randperm(len(train))
    for k in range(0, len(train), 50):
        xb = train[perm[k:k + 50]]
        loss = F.mse_loss(model(xb), xb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tl += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        rec = model(val)
        vl = F.mse_loss(rec, val).item()
    history["train"].append(tl / len(train))
    history["val"].append(vl)
    print(f"epoch {epoch + 1} train loss {tl / len(train):.5f} val loss {vl:.5f} explained {1 - vl / val.var().item():.3f}")

# In[5]:
print("best", min(history["val"]))
