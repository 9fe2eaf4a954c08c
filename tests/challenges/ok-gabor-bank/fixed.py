# %%
import torch
import torch.nn as nn
import torch.nn.functional as F

manual = torch.manual_seed(44)
N_TRAIN, N_VAL, SIZE = 1200, 500, 18


# %% pictures of grain in one of six directions, a third of the labels of neighbours mixed up by the graders
def grain(n):
    label = torch.randint(0, 6, (n,))
    angle = (label + 0.25 * torch.randn(n)) * torch.pi / 6
    axis = torch.arange(SIZE).float()
    yy, xx = torch.meshgrid(axis, axis, indexing="ij")
    phase = 6.28 * torch.rand(n, 1, 1)
    wave = torch.cos(1.3 * (xx * angle.cos().view(-1, 1, 1) + yy * angle.sin().view(-1, 1, 1)) + phase)
    graded = torch.where(torch.rand(n) < 0.2, (label + 1) % 6, label)
    return (wave + 0.9 * torch.randn(n, SIZE, SIZE)).unsqueeze(1), graded


# %% filters that are never trained, a small trained head
def gabor_filters(directions=12, size=7):
    axis = torch.arange(size).float() - size // 2
    yy, xx = torch.meshgrid(axis, axis, indexing="ij")
    bank = []
    for k in range(directions):
        a = torch.tensor(torch.pi * k / directions)
        u = xx * a.cos() + yy * a.sin()
        for part in (torch.cos, torch.sin):
            f = torch.exp(-(xx ** 2 + yy ** 2) / 8) * part(1.3 * u)
            bank.append((f - f.mean()) / f.norm())
    return torch.stack(bank).unsqueeze(1)


class GaborNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 24, 7, bias=False)
        self.conv.weight.data.copy_(gabor_filters())
        self.conv.weight.requires_grad_(False)
        self.norm = nn.BatchNorm1d(12, affine=False)
        self.head = nn.Sequential(nn.Linear(12, 24), nn.Softplus(), nn.Linear(24, 6))

    def forward(self, x):
        r = self.conv(x)
        energy = (r[:, 0::2] ** 2 + r[:, 1::2] ** 2).mean((2, 3))
        return self.head(self.norm(torch.log(energy)))


train_x, train_y = grain(N_TRAIN)
val_x, val_y = grain(N_VAL)
net = GaborNet()
optimizer = torch.optim.Adagrad([p for p in net.parameters() if p.requires_grad], lr=0.05)

# %%
epochs = 30
for epoch in range(1, epochs + 1):
    net.train()
    total = 0.0
    for idx in torch.randperm(N_TRAIN).split(48):
        loss = F.cross_entropy(net(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / N_TRAIN
    net.eval()
    with torch.no_grad():
        out = net(val_x)
        val = F.cross_entropy(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} val accuracy {acc:.3f}")
