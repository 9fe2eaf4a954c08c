import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SPECIES = ["gryllus", "oecanthus", "acheta", "nemobius", "teleogryllus"]


def songs(n, seed):
    """Intervals between 16 pulses of a cricket's song, in units of 20 ms."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, len(SPECIES), n)
    base = np.array([1.0, 0.55, 0.85, 1.3, 0.7])[y]
    pulses = np.array([4, 6, 3, 5, 4])[y]
    pause = np.array([2.5, 1.6, 3.2, 2.0, 3.0])[y]
    step = np.arange(16)[None] + rng.integers(0, 6, (n, 1))
    tempo = rng.normal(1, 0.25, (n, 1))
    gaps = np.where(step % pulses[:, None] == 0, pause[:, None], base[:, None]) * tempo
    gaps = gaps * rng.normal(1, 0.36, gaps.shape)
    return TensorDataset(torch.tensor(gaps[..., None] - 1.2, dtype=torch.float32), torch.tensor(y))


class SongNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(h[-1])


def species(out):
    return out.squeeze(1).round().clamp(0, len(SPECIES) - 1).long()


torch.manual_seed(41)
train = DataLoader(songs(4000, 0), batch_size=40, shuffle=True)
val = DataLoader(songs(600, 1), batch_size=200)
net = SongNet()
criterion = nn.MSELoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=4e-3)
epochs = 20
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    net.train()
    train_loss = 0.0
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(net(x), y.float().unsqueeze(1))
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        train_loss += loss.item() / len(train)
    scheduler.step()
    net.eval()
    val_loss, hits = 0.0, 0
    with torch.no_grad():
        for x, y in val:
            out = net(x)
            val_loss += criterion(out, y.float().unsqueeze(1)).item() / len(val)
            hits += (species(out) == y).sum().item()
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {hits / 600:.4f}")
