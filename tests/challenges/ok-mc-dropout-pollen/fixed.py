import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class PollenNet(nn.Module):
    """Dropout as an approximate posterior (Gal and Ghahramani 2016): predictions are means over sampled masks."""

    def __init__(self, features, width=64, p=0.1):
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(features, width), nn.Linear(width, width), nn.Linear(width, 2)
        self.p = p

    def forward(self, x):
        x = F.dropout(F.relu(self.fc1(x)), self.p, training=True)
        x = F.dropout(F.relu(self.fc2(x)), self.p, training=True)
        mean, log_var = self.out(x).unbind(1)
        return mean, log_var.clamp(-6, 4)


def days(n, rng):
    warmth, wind, rain = rng.normal(0, 1, n), rng.gamma(2, 0.5, n), rng.exponential(1, n)
    week = rng.uniform(-1, 1, n)
    birch, sea = rng.uniform(0, 1, n), rng.normal(0, 1, n)
    level = np.exp(-6 * (week - 0.15 * warmth) ** 2) * (0.5 + birch) - 0.25 * rain * (week > -0.5) + 0.15 * wind
    y = 2.5 * level + (0.15 + 0.25 * np.abs(week)) * rng.normal(0, 1, n)
    x = np.column_stack([warmth, wind - 1, rain - 1, week, birch - 0.5, sea])
    return TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y - 0.6, dtype=torch.float32))


def predict(model, x, passes=30):
    means, variances = zip(*((m, v.exp()) for m, v in (model(x) for _ in range(passes))))
    means, variances = torch.stack(means), torch.stack(variances)
    return means.mean(0), means.var(0) + variances.mean(0)


def main():
    SEED = 23
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train, (x_val, y_val) = days(3000, rng), days(800, rng).tensors
    model = PollenNet(6)
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3, weight_decay=1e-5)
    EPOCHS = 22
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    loader = DataLoader(train, batch_size=50, shuffle=True)
    nll = nn.GaussianNLLLoss()
    for epoch in range(EPOCHS):
        total = 0.0
        for x, y in loader:
            mean, log_var = model(x)
            loss = nll(mean, y, log_var.exp())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x) / len(train)
        schedule.step()
        with torch.no_grad():
            mean, var = predict(model, x_val)
            val_loss = nll(mean, y_val, var).item()
            inside = ((mean - y_val).abs() < 1.645 * var.sqrt()).float().mean().item()
        print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val_loss:.4f} inside the 90 % band {inside:.3f}")


if __name__ == "__main__":
    main()
