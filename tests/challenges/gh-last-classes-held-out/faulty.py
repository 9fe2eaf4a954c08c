import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)
CLASSES, PER_CLASS, SIDE = 6, 600, 10


def garments():
    """Six prototypes with noise, stored class after class as in the raw file."""
    proto = F.interpolate(torch.randn(CLASSES, 1, 5, 5), size=SIDE, mode="bilinear")
    proto = proto / proto.std((2, 3), keepdim=True)
    x = proto.repeat_interleave(PER_CLASS, 0) + 3.2 * torch.randn(CLASSES * PER_CLASS, 1, SIDE, SIDE)
    y = torch.arange(CLASSES).repeat_interleave(PER_CLASS)
    return x / 3.3, y


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.drop = nn.Dropout(0.4)
        self.fc = nn.Linear(8 * 16, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return self.fc(self.drop(x.flatten(1)))


data, target = garments()
split = len(data) * 2 // 3
x_tr, y_tr, x_va, y_va = data[:split], target[:split], data[split:], target[split:]

model = Net()
epochs = 30
optim = torch.optim.Adam(model.parameters(), lr=1.5e-3, weight_decay=3e-2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optim, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    tl = 0.0
    for idx in torch.randperm(split).split(50):
        optim.zero_grad()
        loss = F.cross_entropy(model(x_tr[idx]), y_tr[idx])
        loss.backward()
        optim.step()
        tl += loss.item() * len(idx) / split
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(x_va)
    vl, va = F.cross_entropy(out, y_va).item(), (out.argmax(1) == y_va).float().mean().item()
    print(f"epoch {epoch} train loss {tl:.4f} val loss {vl:.4f} val accuracy {va:.3f}")
print(f"final: val loss {vl:.3f} val accuracy {va:.3f}")
