import torch
import torch.nn as nn

# A network whose output are the weights of another one: a daily curve for each weather station.

torch.manual_seed(19)
EPOCHS = 30
HID = 8
SIZE = HID * 2 + HID + HID + 1


def stations(n):
    """height, distance to the sea, latitude -> temperature over the day, 12 noisy readings each"""
    c = torch.randn(n, 3)
    t = torch.rand(n, 12) * 2 - 1
    swing = 1.0 + 0.6 * torch.tanh(c[:, 1:2])
    phase = 0.5 * c[:, 2:3].clamp(-2, 2)
    y = swing * torch.sin(3.14 * t + phase) - 0.5 * c[:, :1] + 0.35 * torch.randn(n, 12)
    return c, t, y


class Hyper(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 48), nn.SiLU(), nn.Linear(48, SIZE))
        nn.init.normal_(self.net[-1].weight, std=0.02)
        nn.init.normal_(self.net[-1].bias, std=0.7)

    def forward(self, c, t):
        w = self.net(c)
        w1, b1, w2, b2 = w.split([2 * HID, HID, HID, 1], dim=1)
        inp = torch.stack([torch.sin(3.14 * t), torch.cos(3.14 * t)], -1)             # (n, 12, 2)
        h = torch.tanh(torch.einsum("nti,nhi->nth", inp, w1.view(-1, HID, 2)) + b1[:, None])
        return torch.einsum("nth,nh->nt", h, w2) / HID ** 0.5 + b2


c, t, y = stations(1500)
cv, tv, yv = stations(500)
hyper = Hyper()
opt = torch.optim.RMSprop(hyper.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(EPOCHS):
    total = 0.0
    for b in torch.randperm(len(c)).split(50):
        loss = (hyper(c[b], t[b]) - y[b]).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 30
    sched.step()
    with torch.no_grad():
        val = (hyper(cv, tv) - yv).square().mean().item()
    print(f"epoch {epoch + 1:2d} train loss {total:.4f} val loss {val:.4f} rmse {val ** 0.5:.3f}")
