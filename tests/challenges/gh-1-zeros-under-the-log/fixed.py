import torch
import torch.nn as nn

torch.manual_seed(58)
GENES = 40
programme = torch.randn(5, GENES) * 0.8


def cells(n):
    activity = torch.randn(n, 5)
    return torch.poisson(torch.exp(activity @ programme * 0.6 + 0.7))


class AutoEncoder(nn.Module):
    def __init__(self, code=5):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(GENES, 32), nn.ReLU(), nn.Linear(32, code))
        self.decoder = nn.Sequential(nn.Linear(code, 32), nn.ReLU(), nn.Linear(32, GENES))

    def forward(self, x):
        return self.decoder(self.encoder(x))


counts, counts_val = cells(3000), cells(800)
x, xv = torch.log1p(counts), torch.log1p(counts_val)
mean, std = x.mean(0), x.std(0)
x, xv = (x - mean) / std, (xv - mean) / std
model = AutoEncoder()
epochs = 14
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.MSELoss()
for epoch in range(epochs):
    model.train()
    total = 0.0
    for i in torch.randperm(len(x)).split(60):
        loss = criterion(model(x[i]), x[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 50
    scheduler.step()
    model.eval()
    with torch.no_grad():
        v = criterion(model(xv), xv).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f}")
