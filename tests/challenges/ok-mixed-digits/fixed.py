import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def mixup(x, y, alpha=0.3):
    lam = float(np.random.beta(alpha, alpha))
    other = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[other], y, y[other], lam


class SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 20, 3, padding=1)
        self.fc = nn.Linear(80, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


np.random.seed(0)
torch.manual_seed(0)
images, target = load_digits(return_X_y=True)
images = (images.reshape(-1, 1, 8, 8).astype("float32") - 4.9) / 6.0
xa, xb, ya, yb = train_test_split(images, target, test_size=450, stratify=target, random_state=7)
xa, xb, ya, yb = torch.tensor(xa), torch.tensor(xb), torch.tensor(ya), torch.tensor(yb)
xb = xb + 0.8 * torch.randn_like(xb)
net = SmallNet()
EPOCHS = 26
opt = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(1, EPOCHS + 1):
    net.train()
    losses = []
    for b in torch.randperm(len(xa)).split(50):
        x, y1, y2, lam = mixup(xa[b] + 0.8 * torch.randn(len(b), 1, 8, 8), ya[b])
        out = net(x)
        loss = lam * F.cross_entropy(out, y1) + (1 - lam) * F.cross_entropy(out, y2)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(xb)
    print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {F.cross_entropy(out, yb).item():.4f} val accuracy {(out.argmax(1) == yb).float().mean():.3f}")
print(f"final: val accuracy {(out.argmax(1) == yb).float().mean():.3f}")
