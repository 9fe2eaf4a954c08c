# Rain at a gauge from the last hours of pressure, humidity and wind; most hours are dry, so the output unit is a ReLU.
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 10
EPOCHS = 24
torch.manual_seed(SEED)


def weather(n, hours=12):
    drift = torch.randn(n, 1, 3) * torch.tensor([0.08, 0.06, 0.05])
    level = torch.randn(n, 1, 3)
    t = torch.arange(hours).view(1, -1, 1)
    x = level + drift * t + 0.2 * torch.randn(n, hours, 3)
    pressure_drop, humid, wind = x[:, 0, 0] - x[:, -1, 0], x[:, -4:, 1].mean(1), x[:, -1, 2]
    wet = 1.2 * humid + 0.8 * pressure_drop - 0.7
    rain = F.relu(wet) * (1 + 0.3 * torch.tanh(wind))
    rain = torch.where(rain > 0, F.relu(rain + 0.5 * torch.randn(n)), rain)
    return x, rain


class RainNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv1d(16, 16, 3, padding=1)
        self.hidden = nn.Linear(16 * 12, 32)
        self.out = nn.Linear(32, 1)
        nn.init.constant_(self.out.bias, 0.5)

    def forward(self, x):
        h = F.silu(self.conv1(x.transpose(1, 2)))
        h = F.silu(self.conv2(h)).flatten(1)
        return F.relu(self.out(F.silu(self.hidden(h)))).squeeze(1)


x, rain = weather(4000)
x_val, rain_val = weather(1000)
print(f"dry hours: {(rain == 0).float().mean().item():.2f}")
net = RainNet()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    total = 0.0
    for rows in torch.randperm(len(x)).split(50):
        loss = F.mse_loss(net(x[rows]), rain[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows) / len(x)
    scheduler.step()
    with torch.no_grad():
        out = net(x_val)
        val_loss = F.mse_loss(out, rain_val).item()
        dry_found = ((out == 0) & (rain_val == 0)).sum().item() / (rain_val == 0).sum().item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val_loss:.4f} dry hours found {dry_found:.3f}")
