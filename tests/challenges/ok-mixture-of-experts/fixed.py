import torch
from torch import nn
from torch.nn import functional as F


class Experts(nn.Module):
    """top-2 of 6 experts; the router is pushed towards equal shares"""

    def __init__(self, n_in, n_out, n_experts=6, width=24, k=2):
        super().__init__()
        self.k = k
        self.router = nn.Linear(n_in, n_experts, bias=False)
        self.w1 = nn.Parameter(torch.randn(n_experts, n_in, width) * (2 / n_in) ** 0.5)
        self.b1 = nn.Parameter(torch.zeros(n_experts, width))
        self.w2 = nn.Parameter(torch.randn(n_experts, width, n_out) * (1 / width) ** 0.5)

    def forward(self, x):
        logits = self.router(x)
        if self.training:
            logits = logits + 0.3 * torch.randn_like(logits)
        top, chosen = logits.topk(self.k, 1)
        gates = torch.zeros_like(logits).scatter(1, chosen, top.softmax(1))
        h = torch.relu(torch.einsum("bi,eiw->bew", x, self.w1) + self.b1)
        y = torch.einsum("bew,ewo,be->bo", h, self.w2, gates)
        share, probability = (gates > 0).float().mean(0) / self.k, logits.softmax(1).mean(0)
        balance = logits.shape[1] * (share * probability).sum()
        return y, balance, share


def piecewise(n, g):
    """the law differs from region to region of the first two coordinates"""
    x = torch.randn(n, 8, generator=g)
    region = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0.3).long()
    slopes = torch.tensor([[1.0, -1, 0.5, 0], [-1, 0.5, 1, 1], [0, 1, -1.5, 1], [1.5, 0, 0, -1]])
    y = (slopes[region] * torch.tanh(1.5 * x[:, 2:6])).sum(1) + 0.9 * torch.randn(n, generator=g)
    return x, y


g = torch.Generator().manual_seed(90)
torch.manual_seed(91)
x, y = piecewise(5000, g)
xv, yv = piecewise(1000, g)
scale = y.std()
y, yv = (y - y.mean()) / scale, (yv - y.mean()) / scale

net = nn.ModuleDict({"stem": nn.Linear(8, 32), "moe": Experts(32, 16), "head": nn.Linear(16, 1)})


def predict(rows):
    h, balance, share = net["moe"](torch.tanh(net["stem"](rows)))
    return net["head"](torch.relu(h)).squeeze(1), balance, share


epochs = 24
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
for epoch in range(epochs):
    net.train()
    running = torch.zeros(2)
    for rows in torch.randperm(len(x)).split(80):
        out, balance, _ = predict(x[rows])
        mse = F.mse_loss(out, y[rows])
        optimizer.zero_grad()
        (mse + 0.02 * balance).backward()
        optimizer.step()
        running += torch.stack([mse.detach(), balance.detach()]) / 63
    scheduler.step()
    net.eval()
    with torch.no_grad():
        out, _, share = predict(xv)
    v = F.mse_loss(out, yv).item()
    print(f"epoch {epoch + 1} train mse {running[0]:.4f} balance {running[1]:.3f} val loss {v:.4f}")
print(f"final: val loss {v:.4f}, shares of the experts {' '.join(f'{s:.2f}' for s in share.tolist())}")
