import torch
import torch.nn as nn


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Linear(width, width)
        self.b = nn.Linear(width, width)
        nn.init.kaiming_normal_(self.a.weight)
        nn.init.zeros_(self.b.weight)

    def forward(self, x):
        return x + self.b(torch.relu(self.a(x)))


class DeepResNet(nn.Module):
    def __init__(self, n_in, width=32, blocks=24):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        self.blocks = nn.Sequential(*[Residual(width) for _ in range(blocks)])
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.blocks(self.inp(x)))


def surface(n):
    x = torch.randn(n, 5)
    y = torch.sin(1.5 * x[:, :1]) * x[:, 1:2] + 0.6 * x[:, 2:3].abs() + 0.6 * torch.randn(n, 1)
    return x, y


torch.manual_seed(84)
x, y = surface(3200)
xv, yv = surface(1000)
centre, spread = y.mean(), y.std()
y, yv = (y - centre) / spread, (yv - centre) / spread
net = DeepResNet(5)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3)
epochs = 12
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
loss_fn = nn.MSELoss()
for epoch in range(epochs):
    net.train()
    seen = 0.0
    for idx in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        loss = loss_fn(net(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        seen += loss.item() / 50
    scheduler.step()
    net.eval()
    with torch.no_grad():
        val = loss_fn(net(xv), yv).item()
    print(f"epoch {epoch + 1} loss {seen:.4g} val loss {val:.4g}")
print(f"final: val loss {val:.4g}")
