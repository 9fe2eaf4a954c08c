import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader


class Discharges(Dataset):
    """Windows of voltage, current and temperature of a battery; the label is its state of charge at the end."""

    def __init__(self, n, rng, window=16):
        charge = rng.uniform(5, 100, (n, 1)) + np.linspace(rng.uniform(1, 5, n), 0, window).T
        current = rng.uniform(0.3, 2.0, (n, 1)) * (1 + 0.2 * rng.normal(0, 1, (n, window)))
        warmth = rng.normal(20, 8, (n, 1)) + 0.3 * np.cumsum(current, 1)
        share = np.clip(charge / 100, 0.01, 1)
        voltage = 3.3 + 0.7 * share + 0.12 * np.log(share) - 0.08 * current + 0.003 * (warmth - 20)
        voltage = voltage + rng.normal(0, 0.01, voltage.shape)
        x = np.stack([(voltage - 3.6) / 0.25, (current - 1.15) / 0.55, (warmth - 25) / 9], 2)
        soc = charge[:, -1] + rng.normal(0, 1.5, n)
        self.x = torch.tensor(x, dtype=torch.float32)
        self.y = torch.tensor(soc, dtype=torch.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class ChargeMeter(nn.Module):
    def __init__(self, hidden_size=24):
        super().__init__()
        self.lstm = nn.LSTM(input_size=3, hidden_size=hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.sigmoid(self.fc(out[:, -1, :])).squeeze(-1)


def train(model, train_loader, val_loader, epochs=16):
    criterion = nn.MSELoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.004)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(epochs):
        model.train()
        train_loss = 0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() / len(train_loader)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            predicted = torch.cat([model(x) for x, _ in val_loader])
        truth = val_loader.dataset.y
        val_loss = criterion(predicted, truth).item()
        print(f"epoch {epoch + 1}/{epochs} train loss {train_loss:.6g} val loss {val_loss:.6g} "
              f"r2 {1 - val_loss / truth.var().item():.4f}")


if __name__ == "__main__":
    torch.manual_seed(9)
    rng = np.random.default_rng(9)
    train(ChargeMeter(), DataLoader(Discharges(2000, rng), batch_size=50, shuffle=True),
          DataLoader(Discharges(500, rng), batch_size=250))
