import torch
from torch import nn

torch.manual_seed(14)
N_TRAIN, N_VAL, T = 5000, 3000, 32


def ecg(n):
    y = (torch.rand(n) < 0.04).float()
    x = torch.randn(n, T)
    where = torch.randint(4, T - 4, (n,))
    pos = torch.arange(T)
    bump = torch.exp(-((pos - where[:, None]) ** 2) / 6.0)
    x = x + 1.5 * bump * y[:, None]
    return x.unsqueeze(1), y


class BeatNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(1, 8, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 12, 5, padding=2), nn.ReLU())
        self.logit = nn.Linear(12, 1)

    def forward(self, x):
        return self.logit(self.layers(x).amax(2)).squeeze(1)


def balanced_accuracy(logit, y):
    hit = (logit > 0).float() == y
    return 0.5 * (hit[y == 1].float().mean() + hit[y == 0].float().mean()).item()


x, y = ecg(N_TRAIN)
xv, yv = ecg(N_VAL)
net = BeatNet()
epochs = 18
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
criterion = nn.BCEWithLogitsLoss(pos_weight=(y == 0).sum() / (y == 1).sum())
for epoch in range(1, epochs + 1):
    net.train()
    tot = 0.0
    for idx in torch.randperm(N_TRAIN).split(64):
        loss = criterion(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(idx)
    sched.step()
    net.eval()
    with torch.no_grad():
        lv = net(xv)
    print(f"epoch {epoch} train loss {tot / N_TRAIN:.4f} val loss {criterion(lv, yv).item():.4f} "
          f"val accuracy {((lv > 0).float() == yv).float().mean():.3f} balanced {balanced_accuracy(lv, yv):.3f}")
print(f"final: val balanced accuracy {balanced_accuracy(lv, yv):.3f}")
