import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(50)
FEATURES, GRADES = 16, 4


def wines(n, mix):
    """16 measurements that hang together; a price and one of four grades."""
    hidden = torch.randn(n, 5)
    x = hidden @ mix + 0.3 * torch.randn(n, FEATURES)
    taste = torch.sin(1.5 * hidden[:, 0]) + hidden[:, 1] * hidden[:, 2]
    price = taste + 0.5 * hidden[:, 3] + 0.5 * torch.randn(n)
    grade = torch.bucketize(taste + 0.4 * torch.randn(n), torch.tensor([-0.8, 0.0, 0.8]))
    return x, price, grade


class TwoHeads(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(FEATURES, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(0.1),
                                   nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(0.1))
        self.price = nn.Linear(width, 1)
        self.grade = nn.Linear(width, GRADES)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.trunk(x)
        return self.price(h).squeeze(1), self.grade(h)

    def combine(self, mse, ce):
        return 0.5 * (-self.log_var[0]).exp() * mse + (-self.log_var[1]).exp() * ce + 0.5 * self.log_var.sum()


mix = torch.randn(5, FEATURES)
x, price, grade = wines(6000, mix)
xv, pv, gv = wines(1500, mix)
m, s = x.mean(0), x.std(0)
x, xv = (x - m) / s, (xv - m) / s
pm, ps = price.mean(), price.std()
price, pv = (price - pm) / ps, (pv - pm) / ps
model = TwoHeads()
epochs = 16
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 4e-3, total_steps=epochs * 47, pct_start=0.2)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(128):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            p, g = model(x[idx])
        loss = model.combine(F.mse_loss(p.float(), price[idx]), F.cross_entropy(g.float(), grade[idx]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item() * len(idx) / len(x)
    model.eval()
    with torch.inference_mode():
        p, g = model(xv)
        mse, ce = F.mse_loss(p, pv).item(), F.cross_entropy(g, gv).item()
    print(f"epoch {epoch:2d} train {total:.4f} val loss {mse + ce:.4f} price mse {mse:.4f} grade ce {ce:.4f}")
acc = (g.argmax(1) == gv).float().mean().item()
print(f"final: price mse {mse:.4f}, grade cross entropy {ce:.4f}, grade accuracy {acc:.3f}")
