import torch
from torch import nn, optim

torch.manual_seed(58)


class Denoiser(nn.Module):
    def __init__(self, n=20, code=6):
        super().__init__()
        self.down = nn.Linear(n, 32)
        self.code = nn.Linear(32, code)
        self.up = nn.Linear(code, 32)
        self.out = nn.Linear(32, n)

    def forward(self, x):
        z = self.code(torch.tanh(self.down(x)))
        return self.out(torch.tanh(self.up(z)))


basis = torch.randn(6, 20) / 6 ** 0.5


def spectra(n):
    clean = torch.randn(n, 6) @ basis
    return clean + 0.4 * torch.randn(n, 20), clean


noisy, clean = spectra(2400)
noisy_val, clean_val = spectra(800)
model = Denoiser()
batch_size = 1
epochs = 3
optimizer = optim.AdamW(model.parameters(), lr=5e-4)
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    order = torch.randperm(len(noisy))
    total = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start:start + batch_size]
        loss = nn.functional.mse_loss(model(noisy[rows]), clean[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(model(noisy_val), clean_val).item()
    print(f"epoch {epoch + 1} train loss {total / len(order):.4f} val loss {val:.4f}")
print(f"final: val mse {val:.4f} after {epochs * -(-len(noisy) // batch_size)} steps")
