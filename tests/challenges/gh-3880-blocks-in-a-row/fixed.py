import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.norm = nn.GroupNorm(4, channels)

    def forward(self, x):
        return x + F.relu(self.norm(self.conv(x)))


class BirdNet(nn.Module):
    """1-D conv net over the loudness contour of a call"""

    def __init__(self, n_classes, channels=16, dilations=(1, 2, 4, 8)):
        super().__init__()
        self.stem = nn.Conv1d(1, channels, 1)
        self.blocks = nn.ModuleList([Block(channels, d) for d in dilations])
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(channels, n_classes)

    def forward(self, x):
        feats = self.stem(x)
        out = feats
        for block in self.blocks:
            out = block(out)
        return self.head(self.drop(out.amax(-1)))


def make_calls(n, g):
    motifs = torch.tensor([
        [0, 1, 2, 1, 0, -1, -2, -1, 0, 1, 2, 1],
        [0, -1, -2, -1, 0, 1, 2, 1, 0, 1, 2, 1],
        [0, 1, 2, 1, 0, 1, 2, 1, 0, -1, -2, -1],
        [0, 1, 2, 1, 0, -1, -2, -1, 0, -1, -2, -1],
    ]).float()
    y = torch.randint(0, 4, (n,), generator=g)
    x = 0.45 * torch.randn(n, 1, 48, generator=g)
    start = torch.randint(0, 36, (n,), generator=g)
    for i in range(n):
        x[i, 0, start[i]:start[i] + 12] += motifs[y[i]]
    noisy = torch.rand(n, generator=g) < 0.08
    y[noisy] = torch.randint(0, 4, (int(noisy.sum()),), generator=g)
    return x, y


class Trainer:
    def __init__(self, model, train, val, epochs, lr=0.003):
        self.model, self.train_data, self.val_data, self.n_epochs = model, train, val, epochs
        self.opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.05)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)

    def train_epoch(self):
        self.model.train()
        x, y = self.train_data
        losses = []
        for idx in torch.randperm(len(x)).split(50):
            loss = F.cross_entropy(self.model(x[idx]), y[idx])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            losses.append(loss.item())
        self.sched.step()
        return sum(losses) / len(losses)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        x, y = self.val_data
        out = self.model(x)
        return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()

    def fit(self):
        for epoch in range(self.n_epochs):
            tr = self.train_epoch()
            va, acc = self.validate()
            print(f"epoch {epoch + 1}/{self.n_epochs} train loss {tr:.4f} val loss {va:.4f} val acc {acc:.3f}")


if __name__ == "__main__":
    torch.manual_seed(5)
    g = torch.Generator().manual_seed(6)
    Trainer(BirdNet(4), make_calls(1600, g), make_calls(600, g), epochs=18).fit()
