import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(19)
LENGTH = 64


def pulses(n):
    """each signal has three smooth pulses at random places"""
    t = torch.arange(LENGTH).float()
    centre = torch.rand(n, 3, 1) * (LENGTH - 12) + 6
    width = torch.rand(n, 3, 1) * 2 + 2
    height = torch.rand(n, 3, 1) + 0.5
    x = (height * torch.exp(-((t - centre) / width) ** 2)).sum(1)
    return (x - 0.35) / 0.5


class Denoiser(nn.Module):
    """the code is twice as long as the signal; the noise on the input keeps it from copying"""

    def __init__(self, code=128):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(LENGTH, 128), nn.ReLU(), nn.Linear(128, code), nn.ReLU())
        self.decode = nn.Linear(code, LENGTH)

    def forward(self, x):
        return self.decode(self.encode(x))


clean, clean_val = pulses(4000), pulses(600)
noisy_val = clean_val + 0.7 * torch.randn(600, LENGTH)
model = Denoiser()
epochs = 32
optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    total = 0.0
    for target in clean[torch.randperm(len(clean))].split(100):
        noisy = target + 0.7 * torch.randn_like(target)
        loss = F.mse_loss(model(noisy), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(noisy_val)
        val_loss = F.mse_loss(out, clean_val).item()
        gain = 10 * torch.log10(F.mse_loss(noisy_val, clean_val) / F.mse_loss(out, clean_val)).item()
    print(f"epoch {epoch + 1} train loss {total / len(clean):.4f} val loss {val_loss:.4f} gain over the noisy signal {gain:.2f} dB")
