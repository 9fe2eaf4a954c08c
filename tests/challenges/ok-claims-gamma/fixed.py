import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(13)
rng = np.random.default_rng(13)
EPOCHS = 30


def claims(n):
    """Insurance claims (in thousands): gamma distributed, mean and shape depend on age, power and mileage."""
    age, power, km = rng.uniform(18, 80, n), rng.uniform(40, 200, n), rng.gamma(3, 5, n)
    mean = 0.05 * np.exp(0.0009 * (age - 48) ** 2 + 0.006 * power + 0.02 * np.minimum(km, 40))
    shape = 2 + 4 * (power > 120)
    x = np.column_stack([(age - 49) / 18, (power - 120) / 46, (km - 15) / 8.7])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(rng.gamma(shape, mean / shape), dtype=torch.float32).clamp(min=1e-4)


class ClaimNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 48), nn.Softplus(), nn.Linear(48, 48), nn.Softplus())
        self.log_mean, self.log_shape = nn.Linear(48, 1), nn.Linear(48, 1)

    def forward(self, x):
        h = self.body(x)
        return self.log_mean(h).squeeze(1), self.log_shape(h).squeeze(1)


def gamma_nll(log_mean, log_shape, y):
    k = log_shape.exp()
    log_rate = log_shape - log_mean
    log_p = k * log_rate + (k - 1) * y.log() - log_rate.exp() * y - torch.lgamma(k)
    return -log_p.mean()


train_x, train_y = claims(6000)
val_x, val_y = claims(1500)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=100, shuffle=True)
net = ClaimNet()
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    net.train()
    total = 0.0
    for x, y in loader:
        loss = gamma_nll(*net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        m, s = net(val_x)
        val = gamma_nll(m, s, val_y).item()
        ratio = (m.exp().mean() / val_y.mean()).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} predicted over observed mean {ratio:.3f}")
