import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(9)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(24, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 2)

    def forward(self, x):
        x = self.fc1(x)
        x = F.relu(x)
        x = self.fc2(x)
        x = F.relu(x)
        return self.fc3(x)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 24)

    def forward(self, z):
        z = self.fc1(z)
        z = F.relu(z)
        z = self.fc2(z)
        z = F.relu(z)
        return self.fc3(z)


def readings(n):
    """24 detectors around a ring see one source at a random angle and distance."""
    angle = 6.2832 * torch.rand(n, 1)
    dist = 0.4 + 0.6 * torch.rand(n, 1)
    place = 6.2832 * torch.arange(24) / 24
    signal = torch.exp(3 * dist * (torch.cos(place - angle) - 1)) * dist
    return signal + 0.1 * torch.randn(n, 24)


train, val = readings(4000), readings(1000)
mu, sd = train.mean(0), train.std(0)
train, val = (train - mu) / sd, (val - mu) / sd
enc, dec = Encoder(), Decoder()
epochs = 25
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)

for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(len(train)).split(64):
        batch = train[idx]
        loss = F.mse_loss(dec(enc(batch)), batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    sched.step()
    with torch.no_grad():
        val_loss = F.mse_loss(dec(enc(val)), val).item()
    print(f"epoch {epoch:02d} train {total / len(train):.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, variance explained {1 - val_loss / val.var(0).mean():.3f}")
