import torch
from torch import nn

torch.manual_seed(4)


class Kernels:
    """Tuning parameters of a matrix kernel and its run time."""

    def __init__(self, n):
        self.knobs = torch.randint(0, 5, (n, 9)).float()
        w = torch.tensor([0.5, -0.4, 0.3, 0.0, 0.25, -0.2, 0.0, 0.1, 0.3])
        mix = 0.2 * (self.knobs[:, 0] - 2) * (self.knobs[:, 1] - 2)
        log_ms = 7.0 + (self.knobs - 2) @ w * 0.8 + mix + 0.7 * torch.randn(n)
        self.ms = log_ms.exp()

    def inputs(self):
        return (self.knobs - 2) / 1.414

    def labels(self, threshold=7.0):
        return (self.ms > threshold).float()


train, val = Kernels(4000), Kernels(1500)
x, y, xv, yv = train.inputs(), train.labels(), val.inputs(), val.labels()
model = nn.Sequential(nn.Linear(9, 24), nn.Tanh(), nn.Linear(24, 1))
opt = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
loss_fn = nn.BCEWithLogitsLoss()
epochs = 15
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=epochs)
for epoch in range(epochs):
    model.train()
    seen = 0.0
    for i in torch.randperm(len(x)).split(64):
        opt.zero_grad()
        loss = loss_fn(model(x[i]).squeeze(1), y[i])
        loss.backward()
        opt.step()
        seen += loss.item() * len(i)
    sched.step()
    model.eval()
    with torch.no_grad():
        logit = model(xv).squeeze(1)
        vl = loss_fn(logit, yv)
        va = ((logit > 0).float() == yv).float().mean()
    print(f"epoch {epoch + 1} train loss {seen / len(x):.4f} val loss {vl:.4f} val accuracy {va:.3f}")
rank = torch.corrcoef(torch.stack([logit.argsort().argsort().float(), val.ms.argsort().argsort().float()]))[0, 1]
print(f"final: val accuracy {va:.3f}, rank correlation of the score with the run time {rank:.3f}")
