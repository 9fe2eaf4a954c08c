import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(10)
BANDS, FRAMES = 20, 24


def log_spectrograms(n):
    """short calls of four birds: rising, falling, steady and trilled; log power relative to the loudest cell"""
    kind = torch.randint(4, (n,))
    t = torch.linspace(0, 1, FRAMES)
    start = 5 + 8 * torch.rand(n, 1)
    slope = torch.tensor([9.0, -9.0, 0.0, 0.0])[kind][:, None] * (0.6 + 0.4 * torch.rand(n, 1))
    trill = torch.tensor([0.0, 0.0, 0.0, 3.0])[kind][:, None] * torch.sin(25 * t + 6.28 * torch.rand(n, 1))
    pitch = (start + slope * (t - 0.5) + trill).clamp(0, BANDS - 1)
    ridge = torch.exp(-(torch.arange(BANDS)[:, None] - pitch[:, None]) ** 2 / 2)
    power = ridge + 0.25 * torch.rand(n, BANDS, FRAMES) ** 2 + 0.02
    log_power = torch.log(power / power.amax((1, 2), keepdim=True)) / 4
    mislabelled = torch.rand(n) < 0.08
    return log_power[:, None], torch.where(mislabelled, torch.randint(4, (n,)), kind)


class CallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 5 * 6, 4)
        for layer in (self.conv1, self.conv2, self.fc):
            nn.init.uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


x_train, y_train = log_spectrograms(1200)
x_val, y_val = log_spectrograms(500)
model = CallNet()
epochs = 12
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    losses = []
    for idx in torch.randperm(len(x_train)).split(32):
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
    val_loss = F.cross_entropy(out, y_val).item()
    right = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} right {right:.3f}")
print(f"final: val loss {val_loss:.4f}, right {right:.3f}")
