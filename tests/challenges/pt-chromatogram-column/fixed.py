import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = 4
EPOCHS = 20


class Chromatograms(Dataset):
    """Detector traces of 80 points; wanted is the concentration of the middle substance as a second laboratory measured it."""

    def __init__(self, n, rng):
        t = np.arange(80)
        conc = rng.gamma(3.0, 0.5, (n, 3))
        traces = rng.normal(0, 0.08, (n, 80))
        for k, centre in enumerate((22, 38, 55)):
            pos = centre + rng.normal(0, 1.5, (n, 1))
            traces += conc[:, k:k + 1] * np.exp(-((t - pos) / 5.0) ** 2)
        self.x = torch.tensor(traces, dtype=torch.float32).unsqueeze(1)
        self.y = torch.tensor(conc[:, 1] + rng.normal(0, 0.2, n), dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class ConcentrationNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 12, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(12, 24, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(480, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.head(self.features(x))


class Trainer:
    def __init__(self, model, criterion, optimizer, scheduler):
        self.model, self.criterion, self.optimizer, self.scheduler = model, criterion, optimizer, scheduler

    def train_epoch(self, loader):
        self.model.train()
        losses = []
        for x, y in loader:
            loss = self.criterion(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        self.scheduler.step()
        return np.mean(losses)

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        losses, out, truth = [], [], []
        for x, y in loader:
            pred = self.model(x)
            losses.append(self.criterion(pred, y).item())
            out.append(pred.flatten())
            truth.append(y.flatten())
        r = np.corrcoef(torch.cat(out).numpy(), torch.cat(truth).numpy())[0, 1]
        mae = (torch.cat(out) - torch.cat(truth)).abs().mean().item()
        return np.mean(losses), r, mae


if __name__ == "__main__":
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_loader = DataLoader(Chromatograms(1500, rng), batch_size=50, shuffle=True)
    val_loader = DataLoader(Chromatograms(500, rng), batch_size=50)
    model = ConcentrationNet()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-4)
    trainer = Trainer(model, nn.MSELoss(), optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS))
    for epoch in range(EPOCHS):
        tr = trainer.train_epoch(train_loader)
        vl, r, mae = trainer.evaluate(val_loader)
        print(f"epoch {epoch + 1} train loss {tr:.4f} val loss {vl:.4f} correlation {r:.3f} mean error {mae:.3f}")
