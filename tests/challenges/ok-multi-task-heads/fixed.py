import torch
import torch.nn as nn
import torch.nn.functional as F


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 20, 3, stride=2), nn.ReLU(), nn.Flatten())
        self.kind = nn.Linear(20 * 9, 3)
        self.size = nn.Linear(20 * 9, 1)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.trunk(x)
        return {"kind": self.kind(h), "size": self.size(h).squeeze(1)}

    def loss(self, out, kind, size):
        parts = torch.stack([F.cross_entropy(out["kind"], kind), F.mse_loss(out["size"], size)])
        return (parts * torch.exp(-self.log_var) + self.log_var).sum(), parts.detach()


def tiles(n):
    kind = torch.randint(0, 3, (n,))
    size = torch.rand(n) * 2 - 1
    img = 0.7 * torch.randn(n, 1, 10, 10)
    strength = (1.5 + size).view(-1, 1)
    img[:, 0, 4] += strength * (kind != 1).float().view(-1, 1)
    img[:, 0, :, 5] += strength * (kind != 0).float().view(-1, 1)
    wrong = torch.rand(n) < 0.1
    kind[wrong] = torch.randint(0, 3, (int(wrong.sum()),))
    return (img - 0.2) / 0.95, kind, size / 0.58 + 0.4 * torch.randn(n)


torch.manual_seed(45)
train, val = tiles(3000), tiles(800)
net = TwoHeads()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-3)
epochs = 9
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    net.train()
    for idx in torch.randperm(3000).split(50):
        x, kind, size = [part[idx] for part in train]
        optimizer.zero_grad()
        loss, _ = net.loss(net(x), kind, size)
        loss.backward()
        optimizer.step()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        _, parts = net.loss(net(val[0]), *val[1:])
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {parts.sum().item():.4f} (kind {parts[0].item():.4f}, size {parts[1].item():.4f})")
print(f"final: val loss {parts.sum().item():.4f}")
