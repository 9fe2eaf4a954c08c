import torch
from torch import nn


class Embedder(nn.Module):
    def __init__(self, n_in=12, n_out=3):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, 40), nn.ReLU(), nn.Linear(40, n_out))

    def forward(self, x):
        return self.net(x)


def distance(a, b):
    return torch.sqrt(((a - b) ** 2).sum(1))


def contrastive(d, same, margin=1.5):
    return (same * d ** 2 + (1 - same) * torch.relu(margin - d) ** 2).mean()


class PairMaker:
    def __init__(self, people=8):
        self.face = torch.randn(people, 12)

    def photo(self, who):
        return (self.face[who] + 0.9 * torch.randn(len(who), 12)) / 1.35

    def draw(self, n):
        first = torch.randint(0, len(self.face), (n,))
        same = (torch.rand(n) < 0.5).float()
        other = (first + torch.randint(1, len(self.face), (n,))) % len(self.face)
        second = torch.where(same > 0, first, other)
        a, b = self.photo(first), self.photo(second)
        duplicate = (same > 0) & (torch.rand(n) < 0.02)
        b[duplicate] = a[duplicate]
        return a, b, same


def train(epochs=14, batch=64):
    torch.manual_seed(26)
    maker = PairMaker()
    a, b, same = maker.draw(4000)
    va, vb, vsame = maker.draw(1500)
    model = Embedder()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        total, steps = 0.0, 0
        for idx in torch.randperm(len(a)).split(batch):
            loss = contrastive(distance(model(a[idx]), model(b[idx])), same[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, steps = total + loss.item(), steps + 1
        scheduler.step()
        model.eval()
        with torch.no_grad():
            d = distance(model(va), model(vb))
            val = contrastive(d, vsame).item()
            right = ((d < 0.75).float() == vsame).float().mean().item()
        print(f"epoch {epoch + 1} loss {total / steps:.4f} val loss {val:.4f} val accuracy {right:.4f}")
    print(f"final: val loss {val:.4f}, val accuracy {right:.4f}")


train()
