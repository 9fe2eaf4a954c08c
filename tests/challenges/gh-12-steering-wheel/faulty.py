import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(21)
H, W = 20, 32


def drive(n, seed):
    """frames of a front camera and where the wheel stood (-1 full left, 1 full right)"""
    rng = np.random.RandomState(seed)
    steer = np.clip(rng.normal(0, 0.45, n), -1, 1)
    offset = rng.uniform(-2, 2, n)
    rows = np.arange(H)[None, :, None]
    cols = np.arange(W)[None, None, :]
    away = (H - 1 - rows) / (H - 1)
    middle = W / 2 + offset[:, None, None] * (1 - away) + 13 * steer[:, None, None] * away ** 2
    half = 2.0 + 8.0 * (1 - away)
    road = np.abs(cols - middle) < half
    frames = np.where(road, 0.35, 0.65) + rng.normal(0, 0.12, (n, H, W)) + rng.uniform(-0.15, 0.15, (n, 1, 1))
    frames = (frames - 0.5) / 0.25
    steer = np.clip(steer + rng.normal(0, 0.06, n), -1, 1)
    return torch.tensor(frames[:, None], dtype=torch.float32), torch.tensor(steer[:, None], dtype=torch.float32)


class Pilot(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2)
        self.fc1 = nn.Linear(16 * 3 * 6, 32)
        self.steer = nn.Linear(32, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.fc1(x.flatten(1)))
        return torch.sigmoid(self.steer(x))


frames, wheel = drive(4000, 0)
val_frames, val_wheel = drive(800, 1)
pilot = Pilot()
epochs = 20
optimizer = torch.optim.Adam(pilot.parameters(), lr=2e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    pilot.train()
    total = 0.0
    for idx in torch.randperm(len(frames)).split(64):
        loss = F.mse_loss(pilot(frames[idx]), wheel[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    pilot.eval()
    with torch.no_grad():
        out = pilot(val_frames)
        val_loss = F.mse_loss(out, val_wheel).item()
        mae = (out - val_wheel).abs().mean().item()
    print(f"epoch {epoch}: loss {total / len(frames):.5f}, val loss {val_loss:.5f}, mae {mae:.4f}")

print("first frames:", [round(v, 2) for v in out[:6, 0].tolist()], "driver:", [round(v, 2) for v in val_wheel[:6, 0].tolist()])
print(f"final: val loss {val_loss:.5f}, mae {mae:.4f}, variance of the wheel {val_wheel.var().item():.4f}")
