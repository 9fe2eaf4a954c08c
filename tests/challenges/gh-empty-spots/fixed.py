import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(64)
GENES = 40


def spots(n):
    programme = torch.randn(5, GENES) * 0.8
    usage = torch.randn(n, 5)
    depth = torch.where(torch.rand(n) < 0.01, 0.0, 200 + 300 * torch.rand(n))
    rate = torch.softmax(usage @ programme, 1) * depth[:, None]
    return torch.poisson(rate)


counts = spots(3000)
counts = counts[counts.sum(1) > 0]
share = counts / counts.sum(1, keepdim=True)
expr = torch.log1p(share * 400)
mean, std = expr.mean(0), expr.std(0)
expr = (expr - mean) / std
train_set, val_set = random_split(TensorDataset(expr), [len(expr) - 600, 600])
train_loader, val_loader = DataLoader(train_set, 64, shuffle=True), DataLoader(val_set, 300)


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(GENES, 48), nn.GELU(), nn.Linear(48, 5))
        self.decoder = nn.Sequential(nn.Linear(5, 48), nn.GELU(), nn.Linear(48, GENES))

    def forward(self, x):
        code = self.encoder(x)
        return {"code": code, "reconstruction": self.decoder(code)}


net = AE()
epochs = 24
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)


def run(loader, train):
    net.train(train)
    total = n = 0
    for (x,) in loader:
        with torch.set_grad_enabled(train):
            loss = nn.functional.mse_loss(net(x)["reconstruction"], x)
        if train:
            opt.zero_grad()
            loss.backward()
            opt.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


for epoch in range(1, epochs + 1):
    t = run(train_loader, True)
    sched.step()
    v = run(val_loader, False)
    print(f"epoch {epoch} train loss {t:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.3f}")
