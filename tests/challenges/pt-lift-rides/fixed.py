import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class LiftRides(Dataset):
    """Acceleration of a lift during a ride; the label is the number of floors, up or down, that the rider noted."""

    def __init__(self, n, seed):
        g = np.random.default_rng(seed)
        self.floors = g.choice([-3, -2, -1, 1, 2, 3], n)
        t = np.arange(48)
        self.x = np.zeros((n, 48, 1), dtype=np.float32)
        for i, f in enumerate(self.floors):
            start, cruise = g.integers(1, 7), 9 * abs(f) + g.integers(-2, 3)
            a = np.exp(-((t - start - 3) / 2.0) ** 2) - np.exp(-((t - start - 6 - cruise) / 2.0) ** 2)
            self.x[i, :, 0] = np.sign(f) * a * g.uniform(0.8, 1.2)
        self.x += 0.1 * g.standard_normal(self.x.shape).astype(np.float32)
        self.x = np.concatenate([self.x, self.x.cumsum(1) / 4], 2)      # and the speed, by summation
        told = np.where(g.random(n) < 0.1, g.choice([-3, -2, -1, 1, 2, 3], n), self.floors)
        self.y = np.searchsorted([-3, -2, -1, 1, 2, 3], told)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class RideNet(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.drop_in = nn.Dropout(0.2)
        self.lstm = nn.LSTM(2, hidden, num_layers=2, dropout=0.3, batch_first=True)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(hidden, 6)

    def forward(self, x):
        h, _ = self.lstm(self.drop_in(x))
        return self.fc(self.drop(h.mean(1)))


def evaluate(model, loader, criterion):
    model.eval()
    loss = right = count = 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += criterion(out, y).item() * len(y)
            right += (out.argmax(1) == y).sum().item()
            count += len(y)
    return loss / count, right / count


def main(seed=5, epochs=36):
    torch.manual_seed(seed)
    train = DataLoader(LiftRides(1000, seed), batch_size=50, shuffle=True)
    val = DataLoader(LiftRides(500, seed + 1000), batch_size=250)
    model = RideNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        model.train()
        train_loss = 0
        for x, y in train:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            train_loss += loss.item() / len(train)
        scheduler.step()
        val_loss, acc = evaluate(model, val, criterion)
        print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} val acc {acc:.3f}")


if __name__ == "__main__":
    main()
