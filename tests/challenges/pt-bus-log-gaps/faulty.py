import io
import numpy as np
import torch
from torch import nn
from sklearn.preprocessing import StandardScaler


def write_log(n, rng):
    """The log of a bus line as a csv file: stops, passengers, rain, temperature, fuel used; a sensor is silent at times."""
    stops, people = rng.integers(8, 40, n), rng.integers(0, 70, n)
    rain, temp = rng.gamma(0.6, 2.0, n), rng.normal(11, 7, n)
    fuel = 3 + 0.11 * stops * (1 + people / 90) + 0.02 * (temp - 16) ** 2 * 0.3 + 0.25 * np.sqrt(rain) + 0.45 * rng.standard_normal(n)
    lines = ["stops,people,rain,temp,fuel"]
    for row in zip(stops, people, rain, temp, fuel):
        cells = [f"{v:.2f}" for v in row]
        if rng.random() < 0.04:
            cells[rng.integers(2, 4)] = ""
        lines.append(",".join(cells))
    return "\n".join(lines)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
        self.loss = nn.SmoothL1Loss()

    def fit(self, train, val, epochs, batch_size):
        x, y = train
        for epoch in range(1, epochs + 1):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(batch_size):
                self.optimizer.zero_grad()
                loss = self.loss(self.model(x[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
            val_loss, error = self.evaluate(*val)
            print(f"epoch {epoch} train loss {total / len(x):.4f} val loss {val_loss:.4f} litres off {error:.3f}")

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        out = self.model(x)
        return self.loss(out, y).item(), (out - y).abs().mean().item() * 2.2


def main():
    torch.manual_seed(21)
    rng = np.random.default_rng(21)
    table = np.genfromtxt(io.StringIO(write_log(2400, rng)), delimiter=",", skip_header=1)
    features, fuel = table[:, :4], table[:, 4:]
    scaler = StandardScaler().fit(features[:1800])
    x = torch.tensor(scaler.transform(features), dtype=torch.float32)
    y = torch.tensor((fuel - 7) / 2.2, dtype=torch.float32)
    model = nn.Sequential(nn.Linear(4, 48), nn.SiLU(), nn.Linear(48, 24), nn.SiLU(), nn.Linear(24, 1))
    Trainer(model, lr=0.02).fit((x[:1800], y[:1800]), (x[1800:], y[1800:]), epochs=30, batch_size=60)


if __name__ == "__main__":
    main()
