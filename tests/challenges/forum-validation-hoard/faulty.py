import resource
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(19)


def patches(n):
    y = torch.rand(n) * 2 - 1
    k = 0.8 + 0.35 * y
    g = torch.arange(20).float()
    img = torch.sin(k[:, None, None] * g[None, :, None] + 6.28 * torch.rand(n, 1, 1)) * torch.ones(1, 1, 20)
    return (img + 0.8 * torch.randn(n, 20, 20)).unsqueeze(1) / 1.07, y / 0.58 + 0.3 * torch.randn(n)


class Freq(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 16, 5, padding=2)
        self.b = nn.Conv2d(16, 16, 3, padding=1)
        self.fc = nn.Linear(16, 1)

    def forward(self, x):
        x = F.relu(self.b(F.max_pool2d(F.relu(self.a(x)), 2)))
        return self.fc(x.mean((2, 3))).squeeze(1)


x, y = patches(1000)
xv, yv = patches(500)
net = Freq()
epochs = 12
opt = torch.optim.Adam(net.parameters(), lr=6e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
history = []
for epoch in range(1, epochs + 1):
    net.train()
    running = 0.0
    for idx in torch.randperm(1000).split(40):
        opt.zero_grad()
        loss = F.mse_loss(net(x[idx]), y[idx])
        loss.backward()
        opt.step()
        running += loss.item() * len(idx) / 1000
    sched.step()
    net.eval()
    losses = [F.mse_loss(net(xv[i:i + 100]), yv[i:i + 100]) for i in range(0, 500, 100)]
    history.append(sum(losses) / len(losses))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"epoch {epoch} train loss {running:.4f} val loss {float(history[-1]):.4f} memory {memory} MB")
print(f"final: val loss {float(history[-1]):.3f}, peak memory {memory} MB")
