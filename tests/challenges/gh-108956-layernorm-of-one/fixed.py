import torch
from torch import nn

torch.manual_seed(15)
n, cut = 4000, 3200
size = 40 + 160 * torch.rand(n, 1)
age = 80 * torch.rand(n, 1) ** 1.5
distance = torch.distributions.Gamma(2.0, 0.2).sample((n, 1))
district = torch.randint(0, 5, (n,))
price = 0.02 * size - 0.02 * age + 1.5 * torch.exp(-distance / 8) + 0.3 * district[:, None] + 0.4 * torch.randn(n, 1)
price = (price - price[:cut].mean()) / price[:cut].std()
columns = torch.cat([size, age, distance], 1)
columns = (columns - columns[:cut].mean(0)) / columns[:cut].std(0)


class Column(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.scale = nn.Identity()
        self.project = nn.Linear(1, dim)

    def forward(self, x):
        return torch.relu(self.project(self.scale(x)))


class Tabular(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.district = nn.Embedding(5, dim)
        self.columns = nn.ModuleList(Column(dim) for _ in range(3))
        self.head = nn.Sequential(nn.Linear(4 * dim, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x, district):
        parts = [self.district(district)] + [c(x[:, k:k + 1]) for k, c in enumerate(self.columns)]
        return self.head(torch.cat(parts, 1))


model = Tabular()
epochs = 12
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()
for epoch in range(epochs):
    model.train()
    total = 0.0
    for i in torch.randperm(cut).split(64):
        loss = mse(model(columns[i], district[i]), price[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(i) / cut
    scheduler.step()
    model.eval()
    with torch.no_grad():
        v = mse(model(columns[cut:], district[cut:]), price[cut:]).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f} (variance {price[cut:].var().item():.3f})")
