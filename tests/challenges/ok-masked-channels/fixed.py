import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(38)
CHANNELS = 18
EPOCHS = 16


class Telemetry(Dataset):
    """channels of a machine, all of them driven by four hidden loads"""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        fixed = torch.Generator().manual_seed(100)
        a, b = torch.randn(4, CHANNELS, generator=fixed), torch.randn(4, CHANNELS, generator=fixed)
        load = torch.randn(n, 4, generator=g)
        x = torch.tanh(load @ a * 0.7) + 0.5 * torch.sin(load @ b) + 0.4 * torch.randn(n, CHANNELS, generator=g)
        self.x = x / 0.85

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i]


class FillIn(nn.Module):
    def __init__(self, code=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2 * CHANNELS, 96), nn.LayerNorm(96), nn.GELU(), nn.Linear(96, code))
        self.decoder = nn.Sequential(nn.Linear(code, 96), nn.GELU(), nn.Linear(96, CHANNELS))

    def forward(self, x, hidden):
        return self.decoder(self.encoder(torch.cat([x.masked_fill(hidden, 0.0), hidden.float()], 1)))


def masked_loss(model, x, hidden):
    return ((model(x, hidden) - x)[hidden] ** 2).mean()


loader = DataLoader(Telemetry(6000, 1), batch_size=80, shuffle=True)
val = Telemetry(1500, 2).x
val_hidden = torch.rand(val.shape, generator=torch.Generator().manual_seed(3)) < 0.3
model = FillIn()
optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, EPOCHS + 1)

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for x in loader:
        loss = masked_loss(model, x, torch.rand(x.shape) < 0.3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val_loss = masked_loss(model, val, val_hidden).item()
    print(f"epoch {epoch + 1:2d}  train loss {total:.4f}  val loss {val_loss:.4f}")
print(f"final: squared error of the hidden channels {val_loss:.4f}, their variance {val[val_hidden].var().item():.4f}")
