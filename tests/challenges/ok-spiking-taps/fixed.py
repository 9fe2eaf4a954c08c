"""Leaky integrate-and-fire neurons with a surrogate gradient tell rhythms of taps apart."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)
STEPS, CHANNELS, CLASSES = 24, 12, 4


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0).float()

    @staticmethod
    def backward(ctx, grad):
        u, = ctx.saved_tensors
        return grad / (1 + 4 * u.abs()) ** 2


spike = Spike.apply


class LIFLayer(nn.Module):
    def __init__(self, n_in, n_out, decay=0.85):
        super().__init__()
        self.fc = nn.Linear(n_in, n_out)
        nn.init.normal_(self.fc.weight, std=1.2 / n_in ** 0.5)
        self.decay = decay

    def forward(self, x):
        current = self.fc(x)
        u = torch.zeros_like(current[0])
        out = []
        for t in range(len(x)):
            u = self.decay * u + current[t]
            s = spike(u - 1.0)
            u = u - s.detach()
            out.append(s)
        return torch.stack(out)


class SpikingNet(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.hidden = LIFLayer(CHANNELS, hidden)
        self.readout = nn.Linear(hidden, CLASSES)

    def forward(self, x):
        s = self.hidden(x)
        self.rate = s.mean().item()
        return self.readout(s.mean(0) * 4)


often = 0.1 + 0.5 * torch.rand(CLASSES, 1, CHANNELS)
rate = 0.1 + 0.8 * (torch.rand(CLASSES, STEPS, CHANNELS) < often).float()


def taps(n):
    y = torch.randint(0, CLASSES, (n,))
    jitter = 0.75 * rate[y] + 0.25 * torch.rand(n, 1, CHANNELS)
    x = torch.bernoulli(0.6 * jitter)
    wrong = torch.rand(n) < 0.08
    y = torch.where(wrong, torch.randint(0, CLASSES, (n,)), y)
    return x.transpose(0, 1).contiguous(), y


xv, yv = taps(1500)
x, y = taps(6000)
net = SpikingNet()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
EPOCHS = 9
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(EPOCHS):
    total = 0.0
    for b in torch.randperm(6000).split(100):
        loss = F.cross_entropy(net(x[:, b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 60
    sched.step()
    with torch.no_grad():
        out = net(xv)
        val = F.cross_entropy(out, yv).item()
        acc = (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} accuracy {acc:.3f} spikes per step {net.rate:.3f}")
