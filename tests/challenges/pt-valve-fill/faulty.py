import torch
import torch.nn as nn

EPOCHS = 20


def init_weights(m):
    if isinstance(m, (nn.Conv1d, nn.Linear)):
        m.weight.data.fill_(0.05)
        nn.init.zeros_(m.bias)


class PressureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(2, 16, 5, stride=2)
        self.conv2 = nn.Conv1d(16, 24, 5, stride=2)
        self.fc1 = nn.Linear(24 * 9, 48)
        self.fc2 = nn.Linear(48, 2)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x):
        h = self.act(self.conv1(x))
        h = self.act(self.conv2(h))
        h = self.act(self.fc1(h.flatten(1)))
        return self.fc2(h)


def strokes(n, steps=48):
    """Pressure before and behind a valve while it closes: when and how far it closes is to be found."""
    t = torch.arange(steps, dtype=torch.float32)
    when = 10 + 28 * torch.rand(n, 1)
    gap = torch.rand(n, 1)
    closing = torch.sigmoid((t - when) / 1.5)
    before = closing * (1 - gap) + 0.2 * torch.sin(0.7 * t + 6.28 * torch.rand(n, 1))
    behind = 1 - closing * (1 - gap)
    x = torch.stack([before, behind - 0.7], 1) * 2 + 0.3 * torch.randn(n, 2, steps)
    y = torch.cat([(when - 24) / 8, (gap - 0.5) * 3.4], 1)
    return x, y + 0.25 * torch.randn(n, 2)


def validate(net, x, y, criterion):
    net.eval()
    with torch.no_grad():
        out = net(x)
        r2 = 1 - (out - y).pow(2).sum() / (y - y.mean(0)).pow(2).sum()
        return criterion(out, y).item(), r2.item()


torch.manual_seed(14)
x_train, y_train = strokes(3000)
x_val, y_val = strokes(700)
net = PressureNet()
net.apply(init_weights)
criterion = nn.MSELoss()
optimizer = torch.optim.Adamax(net.parameters(), lr=5e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(1, EPOCHS + 1):
    net.train()
    total = 0.0
    order = torch.randperm(len(x_train))
    for start in range(0, len(order), 75):
        batch = order[start:start + 75]
        optimizer.zero_grad()
        loss = criterion(net(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    scheduler.step()
    val_loss, r2 = validate(net, x_val, y_val, criterion)
    print(f"epoch {epoch} train loss {total / len(x_train):.4f} val loss {val_loss:.4f} r2 {r2:.3f}")
