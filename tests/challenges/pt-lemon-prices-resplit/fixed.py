import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)

# second-hand cars: 6 numbers, 3 codes; log price with the haggling nobody writes down
def offers(n):
    x = torch.randn(n, 6)
    codes = torch.stack([torch.randint(0, k, (n,)) for k in (12, 8, 5)], 1)
    y = 0.6 * x[:, 0] - 0.5 * x[:, 1] * (x[:, 2] > 0) + 0.3 * x[:, 3].abs()
    y = y + brand[codes[:, 0]] + 0.5 * region[codes[:, 1]] + 0.3 * fuel[codes[:, 2]]
    return x, codes, y + 0.6 * torch.randn(n)


brand, region, fuel = torch.randn(12), torch.randn(8), torch.randn(5)
x, codes, y = offers(700)
x_new, codes_new, y_new = offers(2000)


class PriceNet(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.emb = nn.ModuleList([nn.Embedding(k, 6) for k in (12, 8, 5)])
        self.net = nn.Sequential(nn.Linear(24, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 1))

    def forward(self, x, codes):
        parts = [e(codes[:, i]) for i, e in enumerate(self.emb)]
        return self.net(torch.cat([x] + parts, 1)).squeeze(1)


def split():
    p = torch.randperm(len(y))
    return p[:500], p[500:]


model = PriceNet()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.5)
epochs = 36
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
train_idx, val_idx = split()
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for b in train_idx[torch.randperm(len(train_idx))].split(20):
        loss = F.mse_loss(model(x[b], codes[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(b) / len(train_idx)
    sched.step()
    model.eval()
    with torch.no_grad():
        val = F.mse_loss(model(x[val_idx], codes[val_idx]), y[val_idx]).item()
        fresh = F.mse_loss(model(x_new, codes_new), y_new).item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} rmse {val ** 0.5:.3f}")
print(f"offers of the following month: mse {fresh:.4f} rmse {fresh ** 0.5:.3f}")
