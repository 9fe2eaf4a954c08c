import numpy as np
import torch
from torch import nn

torch.manual_seed(14)
LENGTH = 128
EPOCHS = 25


def otoliths(n, seed):
    """grey profiles across fish ear stones (one dark ring a year), fish length and weight, age read by hand in years"""
    rng = np.random.default_rng(seed)
    age = rng.uniform(2, 14, n)
    r = np.linspace(0, 1, LENGTH)[None]
    warp = r ** rng.uniform(0.75, 1.0, (n, 1))
    profile = np.cos(2 * np.pi * age[:, None] * warp) * rng.uniform(0.6, 1.2, (n, 1)) + 0.35 * rng.standard_normal((n, LENGTH))
    length = 60 * (1 - np.exp(-0.15 * age)) * rng.normal(1, 0.15, n)
    weight = 1e-5 * length ** 3 * rng.normal(1, 0.15, n)
    size = np.stack([(length - 38) / 13, (weight - 0.8) / 0.65], 1)
    age = age + rng.normal(0, 0.5, n)
    return [torch.tensor(a, dtype=torch.float32) for a in (profile[:, None], size, (age[:, None] - 8) / 3.5)]


class AgeNet(nn.Module):
    def __init__(self, c=20):
        super().__init__()
        self.profile = nn.Sequential(
            nn.Conv1d(1, c, 9, padding=4), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(c, c, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(c, c, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(4), nn.Flatten(),
        )
        self.size = nn.Sequential(nn.Linear(2, 16), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(4 * c + 16, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, profile, size):
        rings = self.profile(profile).detach()
        return self.head(torch.cat([rings, self.size(size)], dim=1))


profile, size, age = otoliths(1600, 1)
profile_v, size_v, age_v = otoliths(500, 2)
model = AgeNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
mse = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for b in torch.randperm(len(age)).split(50):
        loss = mse(model(profile[b], size[b]), age[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b) / len(age)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(profile_v, size_v)
        val = mse(out, age_v).item()
        years = 3.5 * (out - age_v).abs().mean().item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} mean error {years:.2f} years")
