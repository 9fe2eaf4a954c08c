import torch
from torch import nn

torch.manual_seed(88)


def sensors(n):
    load = torch.randn(n, 1)
    x = load * torch.linspace(0.5, 1.5, 14) + torch.randn(n, 14)
    y = torch.tanh(x[:, 0] - x[:, 5]) + 0.5 * x[:, 9] * torch.sigmoid(2 * x[:, 2]) + 0.3 * torch.randn(n)
    return x / 1.45, (y - 0.15) / 0.95


class Block(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.lin, self.norm = nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out)

    def forward(self, x):
        return torch.relu(self.norm(self.lin(x)))


BATCH, LR = 2, 1e-3
epochs = 3
x, y = sensors(2400)
xv, yv = sensors(1000)
net = nn.Sequential(Block(14, 48), Block(48, 48), nn.Linear(48, 1))
opt = torch.optim.Adam(net.parameters(), lr=LR, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)


loss_fn = nn.MSELoss()
for epoch in range(1, epochs + 1):
    net.train()
    total = 0.0
    order = torch.randperm(len(x))
    for i in range(0, len(x) - BATCH + 1, BATCH):
        rows = order[i:i + BATCH]
        opt.zero_grad()
        loss = loss_fn(net(x[rows]).squeeze(1), y[rows])
        loss.backward()
        opt.step()
        total += loss.item() * len(rows)
    sched.step()
    net.eval()
    with torch.no_grad():
        val = loss_fn(net(xv).squeeze(1), yv).item()
    print(f"epoch {epoch} train loss {total / len(x):.4f} val loss {val:.4f}")
print(f"final: val mse {val:.3f}")
