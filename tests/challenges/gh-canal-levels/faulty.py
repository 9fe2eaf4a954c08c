import torch
import torch.nn as nn

CHUNK, REACHES = 10, 24
epochs = 20


def reaches(steps, seed):
    """Water level in canal reaches: the keeper's last order (raise, hold, lower) stays in force until the next one."""
    g = torch.Generator().manual_seed(seed)
    order = torch.zeros(REACHES, steps, 3)
    rain = torch.rand(REACHES, steps, generator=g)
    target = torch.zeros(REACHES, steps)
    setting, level = torch.zeros(REACHES), torch.zeros(REACHES)
    for t in range(steps):
        new = torch.rand(REACHES, generator=g) < 0.05
        which = torch.randint(0, 3, (REACHES,), generator=g)
        order[new, t, which[new]] = 1
        setting = torch.where(new, which - 1.0, setting)
        level = 0.7 * level + 0.3 * setting + 0.3 * (rain[:, t] - 0.5)
        target[:, t] = level
    target = target + 0.3 * torch.randn(REACHES, steps, generator=g)
    return torch.cat([order, rain.unsqueeze(-1) - 0.5], dim=-1), target


class LevelNet(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(4, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x, h):
        y, h = self.rnn(x, h)
        return self.out(y).squeeze(-1), h


torch.manual_seed(38)
net = LevelNet()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
mse = nn.MSELoss()


def sweep(x, y, training):
    h, total = None, 0.0
    for s in range(0, x.size(1), CHUNK):
        pred, h = net(x[:, s:s + CHUNK], None)
        h = h.detach()
        loss = mse(pred, y[:, s:s + CHUNK])
        if training:
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            opt.step()
        total += loss.item()
    return total * CHUNK / x.size(1)


x, y = reaches(1000, 1)
xv, yv = reaches(400, 2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    train_loss = sweep(x, y, True)
    scheduler.step()
    with torch.no_grad():
        val_loss = sweep(xv, yv, False)
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} r2 {1 - val_loss / yv.var().item():.3f}")
