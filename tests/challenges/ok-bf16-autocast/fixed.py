import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.c = nn.Linear(128, 10)

    def forward(self, x):
        return self.c(self.f(x).flatten(1))


images, labels = load_digits(return_X_y=True)
xa, xb, ya, yb = train_test_split(images.reshape(-1, 1, 8, 8).astype(np.float32), labels, test_size=0.3, random_state=8, stratify=labels)
mean, std = xa.mean(), xa.std()
torch.manual_seed(60)
xa, xb, ya, yb = torch.from_numpy((xa - mean) / std), torch.from_numpy((xb - mean) / std), torch.from_numpy(ya), torch.from_numpy(yb)
noise = 1.4
xb = xb + noise * torch.randn_like(xb)
net = Net()
opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.05)
epochs = 20
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
ce = nn.CrossEntropyLoss()
for epoch in range(epochs):
    net.train()
    for idx in torch.randperm(len(xa)).split(40):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = ce(net(xa[idx] + noise * torch.randn(len(idx), 1, 8, 8)), ya[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        out = net(xb)
        val = ce(out.float(), yb).item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f} val accuracy {(out.argmax(1) == yb).float().mean().item():.4f}")
print(f"final: val loss {val:.4f}")
