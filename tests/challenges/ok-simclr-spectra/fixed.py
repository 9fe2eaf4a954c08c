import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

GRID = torch.linspace(0, 1, 48)


def spectra(n, generator):
    centre = torch.rand(n, 3, 1, generator=generator)
    height = 0.5 + torch.rand(n, 3, 1, generator=generator)
    return (height * torch.exp(-((GRID - centre) / 0.06) ** 2)).sum(1)


def augment(x):
    """another exposure of the same sample: gain, slope of the base line, small shift, noise"""
    gain = 0.7 + 0.6 * torch.rand(len(x), 1)
    slope = 0.3 * torch.randn(len(x), 1) * (GRID - 0.5)
    index = (torch.arange(48) - torch.randint(-2, 3, (len(x), 1))) % 48
    y = gain * x.gather(1, index) + slope + 0.08 * torch.randn_like(x)
    return (y - y.mean(1, keepdim=True)) / y.std(1, keepdim=True)


class Encoder(nn.Module):
    def __init__(self, width=32, out=16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(),
            nn.Linear(192, width))
        self.projection = nn.Sequential(nn.ReLU(), nn.Linear(width, out))

    def forward(self, x):
        return F.normalize(self.projection(self.features(x[:, None])), dim=1)


def nt_xent(a, b, temperature=0.3):
    z = torch.cat([a, b])
    logits = z @ z.T / temperature
    logits.fill_diagonal_(float("-inf"))
    n = len(a)
    target = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(logits, target)


def main(epochs=16, batch_size=128):
    torch.manual_seed(42)
    gen = torch.Generator().manual_seed(43)
    train, val = spectra(3200, gen), spectra(1024, gen)
    loader = DataLoader(TensorDataset(train), batch_size=batch_size, shuffle=True, drop_last=True)
    pairs = [(augment(v), augment(v)) for v in val.split(batch_size)]
    net = Encoder()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, epochs=epochs, steps_per_epoch=len(loader))
    for epoch in range(epochs):
        net.train()
        mean = 0.0
        for (x,) in loader:
            loss = nt_xent(net(augment(x)), net(augment(x)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            mean += loss.item() / len(loader)
        net.eval()
        with torch.no_grad():
            held = torch.stack([nt_xent(net(a), net(b)) for a, b in pairs]).mean().item()
        print(f"epoch {epoch + 1} train {mean:.4f} val loss {held:.4f}")
    with torch.no_grad():
        hits = torch.stack([((net(a) @ net(b).T).argmax(1) == torch.arange(len(a))).float().mean() for a, b in pairs]).mean()
    print(f"final: val loss {held:.3f}, partner found {hits.item():.3f}")


if __name__ == "__main__":
    main()
