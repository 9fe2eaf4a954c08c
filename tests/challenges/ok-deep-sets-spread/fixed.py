# Deep Sets: from a bag of measurements of any number to the logarithm of the spread of their source.
import torch
from torch import nn

torch.manual_seed(8)


def bags(n):
    count = torch.randint(10, 31, (n,))
    centre = 3 * torch.randn(n, 1)
    log_sd = torch.rand(n) * 2 - 1
    x = centre + log_sd.exp()[:, None] * torch.randn(n, 30)
    mask = (torch.arange(30) < count[:, None]).float()
    return torch.stack([x / 3, mask], -1) * mask[..., None], log_sd


class DeepSet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(2, width), nn.ELU(), nn.Linear(width, width), nn.ELU())
        self.rho = nn.Sequential(nn.Linear(2 * width, width), nn.ELU(), nn.Linear(width, 1))

    def forward(self, x):
        mask = x[..., 1:]
        n = mask.sum(1)
        h = self.phi(x) * mask
        mean = h.sum(1) / n
        spread = ((self.phi(x) - mean[:, None]) ** 2 * mask).sum(1) / n     # phi is called twice, never mind
        return self.rho(torch.cat([mean, (spread + 1e-4).log()], -1)).squeeze(-1)


val_x, val_y = bags(1500)
net = DeepSet()
optim = torch.optim.Adam(net.parameters(), lr=3e-3)
EPOCHS = 14
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optim, EPOCHS)
for epoch in range(EPOCHS):
    running = 0.0
    for step in range(40):                      # fresh bags for every step
        x, y = bags(100)
        loss = nn.functional.mse_loss(net(x), y, reduction="sum")
        optim.zero_grad()
        loss.backward()
        optim.step()
        running += loss.item() / 4000
    sched.step()
    with torch.no_grad():
        pred = net(val_x)
        val = nn.functional.mse_loss(pred, val_y).item()
    r2 = 1 - val / val_y.var().item()
    print(f"epoch {epoch + 1} train loss {running:.4f} val loss {val:.4f} r2 {r2:.3f}")
