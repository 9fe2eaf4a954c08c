"""Capsules with routing by agreement on two overlapping strokes-glyphs; margin loss on the lengths of the capsules."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)
GLYPHS = 6


def squash(v, dim=-1):
    norm2 = (v * v).sum(dim, keepdim=True)
    return norm2 / (1 + norm2) * v / torch.sqrt(norm2 + 1e-8)


def drawings(n, generator):
    """two different glyphs laid over each other, each shifted by itself, in 14 x 14 pixels"""
    forms = torch.zeros(GLYPHS, 9, 9)
    forms[0, 4, :] = 1
    forms[1, :, 4] = 1
    forms[2].fill_diagonal_(1)
    forms[3] = forms[2].flip(1)
    forms[4, 0, :] = forms[4, 8, :] = forms[4, :, 0] = forms[4, :, 8] = 1
    forms[5, 0, :] = forms[5, :, 0] = 1
    picks = torch.stack([torch.randperm(GLYPHS, generator=generator)[:2] for _ in range(n)])
    x = torch.zeros(n, 14, 14)
    for k in range(2):
        dy, dx = torch.randint(0, 6, (2, n), generator=generator)
        for i in range(n):
            part = x[i, dy[i]:dy[i] + 9, dx[i]:dx[i] + 9]
            part.copy_(torch.maximum(part, forms[picks[i, k]]))
    x = x * (0.7 + 0.3 * torch.rand(n, 1, 1, generator=generator)) + 0.4 * torch.randn(n, 14, 14, generator=generator)
    return x.unsqueeze(1), F.one_hot(picks, GLYPHS).sum(1).float()


class CapsuleNet(nn.Module):
    def __init__(self, types=8, size=6, out_size=8, rounds=2):
        super().__init__()
        self.conv = nn.Conv2d(1, 24, 5, stride=2)
        self.primary = nn.Conv2d(24, types * size, 3, stride=2)
        self.size, self.rounds = size, rounds
        self.transform = nn.Parameter(torch.randn(types * 4, GLYPHS, size, out_size) * 0.2)

    def forward(self, x):
        h = F.relu(self.conv(x))
        u = self.primary(h)
        u = squash(u.view(len(x), -1, self.size, 4).transpose(2, 3).reshape(len(x), -1, self.size))
        votes = torch.einsum("nis,iosk->niok", u, self.transform)
        fixed_votes = votes.detach()
        agreement = torch.zeros(votes.shape[:3])
        for _ in range(self.rounds - 1):
            out = squash((agreement.softmax(2).unsqueeze(-1) * fixed_votes).sum(1))
            agreement = agreement + (fixed_votes * out.unsqueeze(1)).sum(-1)
        return squash((agreement.softmax(2).unsqueeze(-1) * votes).sum(1)).norm(dim=-1)


def margin_loss(length, present):
    missing = present * F.relu(0.9 - length) ** 2
    extra = 0.5 * (1 - present) * F.relu(length - 0.1) ** 2
    return (missing + extra).sum(1).mean()


g = torch.Generator().manual_seed(2)
x, y = drawings(3000, g)
val_x, val_y = drawings(500, g)
net = CapsuleNet()
optimizer = torch.optim.Adam(net.parameters(), lr=6e-3)
epochs = 18
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=epochs * 50)
for epoch in range(1, epochs + 1):
    running = []
    for rows in torch.randperm(len(x)).split(60):
        loss = margin_loss(net(x[rows]), y[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        running.append(loss.item())
    with torch.no_grad():
        length = net(val_x)
        val_loss = margin_loss(length, val_y)
    both = (length.topk(2).indices.sort().values == val_y.topk(2).indices.sort().values).all(1).float().mean()
    print(f"epoch {epoch} train loss {sum(running) / len(running):.4f} val loss {val_loss:.4f} both glyphs right {both:.3f}")
