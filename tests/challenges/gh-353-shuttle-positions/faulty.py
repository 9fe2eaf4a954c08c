# Speed of the campus shuttle over the next minute, from its last twelve reports (latitude, longitude, speed).
import numpy as np
import torch
from torch import nn

SEED = 3
EPOCHS = 30
STEPS = 12


def route(phase):
    lat = 42.7300 + 0.0060 * np.sin(phase)
    lon = -73.6766 + 0.0090 * np.cos(phase)
    return lat, lon


def drive(n, rng):
    """n stretches of the loop; the speed depends on where along the loop the shuttle is."""
    rows, goals = [], []
    for _ in range(n):
        phase = rng.uniform(0, 2 * np.pi)
        direction = rng.choice([-1.0, 1.0])
        stretch = []
        for _ in range(STEPS + 1):
            limit = 22 + 9 * np.sin(3 * phase) + 5 * np.cos(phase)
            speed = limit + rng.normal(0, 1.5)
            lat, lon = route(phase)
            stretch.append((lat + rng.normal(0, 1e-4), lon + rng.normal(0, 1e-4), speed + rng.normal(0, 7.0), speed))
            phase += direction * speed * 0.006
        rows.append([report[:3] for report in stretch[:-1]])
        goals.append(stretch[-1][3])
    return np.array(rows), np.array(goals)


class SpeedLSTM(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(3, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1]).squeeze(1)


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x, y = drive(2200, rng)
    y = (y - y[:1600].mean()) / y[:1600].std()
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    x_train, y_train, x_val, y_val = x[:1600], y[:1600], x[1600:], y[1600:]

    model = SpeedLSTM()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.88)
    for epoch in range(1, EPOCHS + 1):
        model.train()
        order, total = torch.randperm(len(x_train)), 0.0
        for batch in order.split(64):
            loss = criterion(model(x_train[batch]), y_train[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            predicted = model(x_val)
            val = criterion(predicted, y_val).item()
        r2 = 1 - val / y_val.var(unbiased=False).item()
        print(f"epoch {epoch} train loss {total / len(x_train):.4f} val loss {val:.4f} r2 {r2:.3f}")


if __name__ == "__main__":
    main()
