import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(6)
torch.manual_seed(6)
EPOCHS = 25


def spectra(n, points=48):
    """smooth spectra, each the sum of three peaks at a random place"""
    grid = np.linspace(0, 1, points)[None, None]
    place, height = rng.uniform(0.1, 0.9, (n, 3, 1)), rng.uniform(0.4, 1.0, (n, 3, 1))
    return torch.tensor((height * np.exp(-((grid - place) / 0.08) ** 2)).sum(1), dtype=torch.float32)


class SparseDenoiser(nn.Module):
    """one code twice as wide as the input, kept sparse by an L1 penalty; the decoder uses the encoder's weights"""

    def __init__(self, n=48, code=96):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(code, n) * n ** -0.5)
        self.code_bias = nn.Parameter(torch.zeros(code))
        self.out_bias = nn.Parameter(torch.zeros(n))

    def encode(self, x):
        return torch.relu(nn.functional.linear(x, self.weight, self.code_bias))

    def forward(self, x):
        code = self.encode(x)
        return code @ self.weight + self.out_bias, code


clean, clean_val = spectra(5000), spectra(1000)
noisy_val = clean_val + 0.25 * torch.randn(clean_val.shape)
net = SparseDenoiser()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
mse = nn.MSELoss()
for epoch in range(1, EPOCHS + 1):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(clean)).split(100):
        target = clean[idx]
        out, code = net(target + 0.25 * torch.randn(target.shape))
        loss = mse(out, target) + 1e-3 * code.abs().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx) / len(clean)
    sched.step()
    net.eval()
    with torch.no_grad():
        out, code = net(noisy_val)
        val = mse(out, clean_val).item()
    print(f"epoch {epoch}: train loss {total:.5f} val loss {val:.5f} noise removed {1 - val / 0.0625:.3f} active units {(code > 0).float().mean():.2f}")
