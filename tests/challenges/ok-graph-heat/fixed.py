import torch
import torch.nn as nn
import torch.nn.functional as F

NODES, FEATURES = 12, 3


def houses(n, generator):
    """Rooms joined by doors: heating, outer walls and area of each; which is the temperature there?"""
    adj = torch.rand(n, NODES, NODES, generator=generator) < 0.18
    adj = (adj | adj.transpose(1, 2)).float()
    adj.diagonal(dim1=1, dim2=2).zero_()
    heat = (torch.rand(n, NODES, generator=generator) < 0.4).float()
    walls = torch.randint(0, 3, (n, NODES), generator=generator).float()
    area = 0.5 + torch.rand(n, NODES, generator=generator)
    temp = torch.zeros(n, NODES)
    degree = adj.sum(2)
    for _ in range(3):
        flow = torch.einsum("bij,bj->bi", adj, temp) + 4 * heat / area
        temp = flow / (degree + 0.8 * walls + 1)
    temp = temp + 0.15 * torch.randn(n, NODES, generator=generator)
    return torch.stack([heat - 0.4, walls - 1, (area - 1) / 0.29], 2), adj, temp


class GraphLayer(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.own = nn.Linear(i, o)
        self.neighbours = nn.Linear(2 * i, o, bias=False)
        self.norm = nn.LayerNorm(o)

    def forward(self, h, adj):
        total = torch.bmm(adj, h)
        mean = total / adj.sum(2, keepdim=True).clamp(min=1)
        return F.relu(self.norm(self.own(h) + self.neighbours(torch.cat([mean, total / 3], 2))))


class HeatNet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.layers = nn.ModuleList([GraphLayer(FEATURES, width), GraphLayer(width, width), GraphLayer(width, width)])
        self.out = nn.Linear(width, 1)

    def forward(self, x, adj):
        for layer in self.layers:
            x = layer(x, adj)
        return self.out(x).squeeze(2)


torch.manual_seed(70)
generator = torch.Generator().manual_seed(71)
x, adj, y = houses(2000, generator)
xv, adjv, yv = houses(500, generator)
shift, scale = y.mean(), y.std()
y, yv = (y - shift) / scale, (yv - shift) / scale
model = HeatNet()
epochs = 15
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    total = 0.0
    for idx in torch.randperm(len(x)).split(40):
        loss = F.mse_loss(model(x[idx], adj[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x)
    scheduler.step()
    with torch.no_grad():
        val_loss = F.mse_loss(model(xv, adjv), yv).item()
    print(f"epoch {epoch:2d} train {total:.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, noise {(0.15 / scale.item()) ** 2:.4f}")
