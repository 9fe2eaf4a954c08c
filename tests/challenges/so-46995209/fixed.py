import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(30)


def make_wave(n):
    x = torch.rand(n, 1) * 2 - 1
    y = torch.sin(3 * math.pi * x) + 0.1 * torch.randn(n, 1)
    return x, y


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(1, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


x, y = make_wave(2000)
x_val, y_val = make_wave(500)
net = Net(hidden=64)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
epochs = 40
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=15, gamma=0.3)

for epoch in range(1, epochs + 1):
    net.train()
    perm = torch.randperm(len(x))
    total = 0.0
    for i in range(0, len(x), 50):
        b = perm[i:i + 50]
        loss = F.mse_loss(net(x[b]), y[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        val = F.mse_loss(net(x_val), y_val).item()
    print(f"epoch {epoch:3d}  train loss {total / len(x):.5f}  val loss {val:.5f}  r2 {1 - val / y_val.var().item():.4f}")
