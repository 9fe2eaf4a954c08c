import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(27)


class Listener(nn.Module):
    """reads eight notes and names the difference of the first two"""

    def __init__(self, cells=24):
        super().__init__()
        self.cells = cells
        self.cell = nn.GRUCell(1, cells)
        self.answer = nn.Linear(cells, 1)

    def forward(self, x):
        h = torch.zeros(len(x), self.cells)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.answer(h).squeeze(1)


def notes(n):
    x = torch.randn(n, 8, 1)
    y = x[:, 0, 0] - x[:, 1, 0] + 0.4 * torch.randn(n)
    return x, y / 1.47


x, y = notes(1500)
xv, yv = notes(500)
net = Listener()
epochs = 16
opt = torch.optim.Adam(net.parameters(), lr=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    total = 0
    for b in torch.randperm(len(x)).split(30):
        opt.zero_grad()
        loss = F.mse_loss(net(x[b]), y[b])
        loss.backward()
        opt.step()
        total += loss.item() * len(b)
    sched.step()
    with torch.no_grad():
        val = F.mse_loss(net(xv), yv).item()
    print(f"epoch {epoch + 1} train loss {total / len(x):.4f} val loss {val:.4f}")
print(f"final: val mse {val:.4f} (variance {yv.var().item():.2f})")
