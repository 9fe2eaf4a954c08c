import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader

torch.manual_seed(27)
rng = np.random.default_rng(27)

# absorption of whey at 80 wavelengths: four broad bands whose strengths vary, over a baseline
wave = np.linspace(0, 1, 80)
centres, widths = np.array([0.15, 0.4, 0.58, 0.85]), np.array([0.05, 0.09, 0.04, 0.07])
bands = np.exp(-((wave[:, None] - centres) / widths) ** 2)


def measure(n):
    strength = rng.gamma(3.0, 0.5, (n, 4))
    s = strength @ bands.T + rng.uniform(0.5, 1.5, (n, 1)) + 0.05 * rng.standard_normal((n, 80))
    return torch.tensor(s, dtype=torch.float32)


train, valid = measure(1500), measure(500)
mean, std = train.mean(0), train.std(0)
train, valid = (train - mean) / std, (valid - mean) / std


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(80, 40), nn.ReLU(), nn.Linear(40, 12), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 80))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder()
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.6, momentum=0.9)
loader = DataLoader(train, batch_size=50, shuffle=True)
epochs = 40
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    running = 0.0
    for x in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), x)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(valid)
        val = criterion(out, valid).item()
        explained = 1 - val / valid.pow(2).mean().item()
    print(f"epoch {epoch + 1} train loss {running / len(train):.5f} val loss {val:.5f} variance explained {explained:.3f}")
