import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(47)


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


directions = F.normalize(torch.randn(6, 20), dim=1)


def spectra(n, instrument):
    """three substances in twenty bands; the two instruments differ in offset and gain of some bands"""
    kind = torch.randint(3, (n,))
    x = 2.2 * directions[kind] + 0.7 * torch.randn(n, 20)
    x = x + instrument * (2.0 * directions[3] - 1.5 * directions[4]) + 0.5 * torch.randn(n, 1) * directions[5]
    noisy = torch.rand(n) < 0.05
    return x, torch.where(noisy, torch.randint(3, (n,)), kind)


class Adapted(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
        self.substance = nn.Linear(24, 3)
        self.instrument = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, x, strength=0.0):
        h = self.body(x)
        return self.substance(h), self.instrument(Reverse.apply(h, strength)).squeeze(1)


source_x, source_y = spectra(2000, 0.0)
target_x, _ = spectra(2000, 1.0)
val_x, val_y = spectra(800, 1.0)
net = Adapted()
epochs = 25
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    strength = min(1.0, 3 * epoch / epochs) * 0.5
    substance_loss = instrument_loss = 0.0
    for s, t in zip(torch.randperm(2000).split(50), torch.randperm(2000).split(50)):
        kinds, from_source = net(source_x[s], strength)
        _, from_target = net(target_x[t], strength)
        side = torch.cat([from_source, from_target])
        truth = torch.cat([torch.zeros(50), torch.ones(50)])
        loss_y = F.cross_entropy(kinds, source_y[s])
        loss_d = F.binary_cross_entropy_with_logits(side, truth)
        opt.zero_grad()
        (loss_y + loss_d).backward()
        opt.step()
        substance_loss += loss_y.item() / 40
        instrument_loss += loss_d.item() / 40
    sched.step()
    with torch.no_grad():
        out, _ = net(val_x)
        val_loss = F.cross_entropy(out, val_y).item()
        accuracy = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} substance {substance_loss:.4f} instrument {instrument_loss:.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")
print(f"final: val loss {val_loss:.4f}, accuracy on the other instrument {accuracy:.3f}")
