import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 4
torch.manual_seed(SEED)


def pulse_waves(n, length=128, rate=32):
    """Four seconds of a finger clip at 32 Hz; the target is what the chest strap showed (standardised)."""
    t = torch.arange(length) / rate
    bpm = 50 + 90 * torch.rand(n, 1)
    phase = 6.2832 * (bpm / 60 * t + torch.rand(n, 1))
    wave = torch.sin(phase) + 0.4 * torch.sin(2 * phase + 0.8)
    drift = 0.5 * torch.sin(6.2832 * 0.25 * t + 6.28 * torch.rand(n, 1))
    x = wave + drift + 0.3 * torch.randn(n, length)
    return x.unsqueeze(1), (bpm + 7 * torch.randn(n, 1) - 95) / 26


def weights_init(m):
    if isinstance(m, (nn.Conv1d, nn.Linear)):
        nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        nn.init.zeros_(m.bias)


def block(cin, cout):
    return [nn.Conv1d(cin, cout, 5, padding=2), nn.ReLU(), nn.Conv1d(cout, cout, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)]


model = nn.Sequential(*block(1, 12), *block(12, 16), *block(16, 24), *block(24, 24),
                      nn.Flatten(), nn.Linear(24 * 8, 32), nn.ReLU(), nn.Linear(32, 1))
model.apply(weights_init)

train_dl = DataLoader(TensorDataset(*pulse_waves(2400)), batch_size=64, shuffle=True)
val_x, val_y = pulse_waves(400)
epochs = 14
optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.MSELoss()

for epoch in range(1, epochs + 1):
    model.train()
    running = 0.0
    for x, y in train_dl:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val = criterion(out, val_y).item()
        mae = 26 * (out - val_y).abs().mean().item()
    print(f"epoch {epoch} train loss {running / 2400:.4f} val loss {val:.4f} mean error {mae:.1f} bpm")
