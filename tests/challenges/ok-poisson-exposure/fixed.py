import math
import torch
import torch.nn as nn

torch.manual_seed(29)

# insurance-like counts: most policies have no claim in the time they were observed
n = 12000
age = 18 + 62 * torch.rand(n)
power = torch.randint(3, 12, (n,)).float()
region = torch.randint(0, 6, (n,))
exposure = 0.1 + 0.9 * torch.rand(n)
effect = torch.tensor([-0.3, 0.0, 0.2, 0.5, -0.1, 0.35])
log_rate = -1.7 + 1.4 * torch.exp(-((age - 18) / 9)) + 0.0006 * (age - 50) ** 2 + 0.11 * (power - 6) + effect[region]
claims = torch.poisson(log_rate.exp() * exposure)

x = torch.stack([(age - 49) / 18, (power - 7) / 2.6], 1)
cut = 9000
train, test = slice(0, cut), slice(cut, n)


class ClaimModel(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.region = nn.Embedding(6, 3)
        self.hidden = nn.Linear(5, 32)
        self.hidden2 = nn.Linear(32, 32)
        self.out = nn.Linear(32, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, start)

    def forward(self, x, region, exposure):
        h = torch.tanh(self.hidden(torch.cat([x, self.region(region)], 1)))
        h = torch.tanh(self.hidden2(h))
        return self.out(h).squeeze(1) + exposure.log()


mean_rate = (claims[train].sum() / exposure[train].sum()).item()
model = ClaimModel(math.log(mean_rate))
criterion = nn.PoissonNLLLoss(log_input=True, full=True)
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
null_loss = criterion(math.log(mean_rate) + exposure[test].log(), claims[test]).item()
best_loss = criterion(log_rate[test] + exposure[test].log(), claims[test]).item()
for epoch in range(epochs):
    model.train()
    running = 0.0
    for idx in torch.randperm(cut).split(100):
        loss = criterion(model(x[idx], region[idx], exposure[idx]), claims[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = criterion(model(x[test], region[test], exposure[test]), claims[test]).item()
    print(f"epoch {epoch + 1} train loss {running / cut:.4f} val loss {val:.4f}")
print(f"final: val loss {val:.4f}, one rate for all {null_loss:.4f}, true rates {best_loss:.4f}")
