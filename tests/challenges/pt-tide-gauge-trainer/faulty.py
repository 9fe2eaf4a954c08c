import torch
from torch import nn


class LevelNet(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.out(states[:, -1]).squeeze(1)


class Trainer:
    def __init__(self, model, optimizer, criterion, batch_size=64):
        self.model, self.optimizer, self.criterion, self.batch_size = model, optimizer, criterion, batch_size

    def train_epoch(self, x, y):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.batch_size):
            pred = self.model(x[idx])
            loss = self.criterion(pred, y[idx])
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(idx)
        return total / len(x)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        pred = self.model(x)
        return self.criterion(pred, y).item(), (pred - y).abs().mean().item()

    def fit(self, train, val, epochs):
        scheduler = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.05, total_iters=epochs)
        for epoch in range(epochs):
            train_loss = self.train_epoch(*train)
            val_loss, mae = self.evaluate(*val)
            scheduler.step()
            print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} mae {mae:.4f}")


def gauge(hours):
    """Water level at a harbour: two tides, wind, and the noise of the float."""
    t = torch.arange(hours, dtype=torch.float32)
    tide = 1.2 * torch.sin(t * 0.506) + 0.5 * torch.sin(t * 0.524 + 1.0)
    wind = torch.zeros(hours)
    for i in range(1, hours):
        wind[i] = 0.9 * wind[i - 1] + 0.3 * torch.randn(())
    level = tide + 0.5 * wind + 0.2 * torch.randn(hours)
    return torch.stack([(level - level.mean()) / level.std(), wind / wind.std()], 1)


def windows(series, length=24):
    x = series.unfold(0, length, 1)[:-1].transpose(1, 2)
    return x.contiguous(), series[length:, 0]


if __name__ == "__main__":
    torch.manual_seed(9)
    series = gauge(2600)
    train, val = windows(series[:2000]), windows(series[2000:])
    model = LevelNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    Trainer(model, optimizer, nn.MSELoss()).fit(train, val, epochs=25)
