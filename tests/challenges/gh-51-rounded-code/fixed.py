import torch
import torch.nn as nn
import torch.nn.functional as F


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 5, stride=2, padding=2)
        self.fc = nn.Linear(8 * 16, code)

    def forward(self, x):
        return 4 * torch.sigmoid(self.fc(F.relu(self.conv(x)).flatten(1)))


class Quantizer(nn.Module):
    """levels 0 to 4"""

    def forward(self, code):
        return code + (torch.round(code) - code).detach()


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 32))

    def forward(self, q):
        return self.net(q - 2).unsqueeze(1)


def waves(n):
    t = torch.linspace(0, 1, 32)
    height, place, slope = torch.randn(n, 1), torch.rand(n, 1), torch.randn(n, 1)
    x = height * torch.exp(-(t - place) ** 2 / 0.03) + slope * (t - 0.5) + 0.12 * torch.randn(n, 32)
    return (x / 0.55).unsqueeze(1)


torch.manual_seed(61)
train, val = waves(3000), waves(800)
codec = nn.Sequential(Encoder(6), Quantizer(), Decoder(6))
optimizer = torch.optim.Adam(codec.parameters(), lr=4e-3)
epochs = 18
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    codec.train()
    for idx in torch.randperm(len(train)).split(60):
        loss = F.mse_loss(codec(train[idx]), train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    codec.eval()
    with torch.no_grad():
        val_loss = F.mse_loss(codec(val), val).item()
    print(f"epoch {epoch} distortion {loss.item():.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, variance {val.var().item():.2f}")
