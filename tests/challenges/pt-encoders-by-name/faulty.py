import torch
import torch.nn as nn
import torch.nn.functional as F

EPOCHS = 30
SENSORS = {"thermal": 24, "acoustic": 40, "current": 16}


class FusionNet(nn.Module):
    """One small encoder for each kind of sensor, a common head for all of them."""

    def __init__(self, sensors, code=2, n_states=6):
        super().__init__()
        self.encoders = {}
        for name, size in sensors.items():
            self.encoders[name] = nn.Sequential(nn.Linear(size, 32), nn.ReLU(), nn.Linear(32, code))
        self.head = nn.Sequential(nn.Linear(code * len(sensors), 32), nn.ReLU(), nn.Linear(32, n_states))

    def forward(self, readings):
        codes = [self.encoders[name](x) for name, x in readings.items()]
        return self.head(torch.cat(codes, dim=1))


def record(n, g, plan):
    """Readings of a machine in one of six states; part of each reading is of no meaning."""
    y = torch.randint(0, 6, (n,), generator=g)
    readings = {}
    for name, size in SENSORS.items():
        mix, pattern = plan[name]
        nuisance = torch.randn(n, 6, generator=g) @ mix
        readings[name] = 0.8 * nuisance + 0.6 * pattern[y] + 0.6 * torch.randn(n, size, generator=g)
    return readings, y


def pick(readings, idx):
    return {name: x[idx] for name, x in readings.items()}


def main(seed=12):
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(12)
    plan = {name: (torch.randn(6, size, generator=g), torch.randn(6, size, generator=g) * 0.7)
            for name, size in SENSORS.items()}
    train_x, train_y = record(3000, g, plan)
    val_x, val_y = record(800, g, plan)
    model = FusionNet(SENSORS)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        total = 0.0
        for idx in torch.randperm(len(train_y)).split(50):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(pick(train_x, idx)), train_y[idx], label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        with torch.no_grad():
            out = model(val_x)
            val = F.cross_entropy(out, val_y, label_smoothing=0.1).item()
            acc = (out.argmax(1) == val_y).float().mean().item()
        print(f"epoch {epoch} train loss {total / len(train_y):.4f} val loss {val:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
