import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CONFIG = {"dropout": 0.9, "lr": 3e-3, "batch": 64}


def smiles(n):
    """12x12 faces: curved-up, straight or curved-down mouths."""
    kind = torch.randint(0, 3, (n,))
    bend = (kind - 1).float() * 0.13 + 0.05 * torch.randn(n)
    cols = torch.arange(12).float()
    centre = 5.5 + 0.8 * torch.randn(n, 1)
    height = 6 + torch.randn(n, 1) + bend[:, None] * ((cols - centre) ** 2 - 8)
    rows = torch.arange(12).float()
    img = torch.exp(-((rows[None, :, None] - height[:, None, :]) ** 2) / 1.0)
    return (img + 0.25 * torch.randn_like(img)).unsqueeze(1).sub(0.14).div(0.4), kind


class MouthNet(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 9, 32)
        self.fc2 = nn.Linear(32, 3)
        self.p = p

    def forward(self, x):
        x = F.dropout(F.max_pool2d(F.relu(self.conv1(x)), 2), self.p, self.training)
        x = F.dropout(F.max_pool2d(F.relu(self.conv2(x)), 2), self.p, self.training)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(F.dropout(x, self.p, self.training))


torch.manual_seed(10)
train = DataLoader(TensorDataset(*smiles(4000)), CONFIG["batch"], shuffle=True)
vx, vy = smiles(1000)
net = MouthNet(CONFIG["dropout"])
epochs = 14
opt = torch.optim.AdamW(net.parameters(), lr=CONFIG["lr"], weight_decay=0.1)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    net.train()
    s = 0.0
    for xb, yb in train:
        loss = F.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item()
    sched.step()
    net.eval()
    with torch.no_grad():
        o = net(vx)
    v = F.cross_entropy(o, vy).item()
    a = (o.argmax(1) == vy).float().mean().item()
    print(f"epoch {epoch} train loss {s / len(train):.4f} val loss {v:.4f} val accuracy {a:.3f}")
print(f"final: val loss {v:.3f} val accuracy {a:.3f}")
