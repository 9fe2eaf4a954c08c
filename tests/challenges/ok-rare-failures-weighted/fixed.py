import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(42)


def machines(n):
    x = torch.randn(n, 12)
    wear = x[:, 0] + 0.8 * x[:, 1] * (x[:, 2] > 0) + 0.7 * x[:, 3] ** 2
    fails = wear + 1.1 * torch.randn(n) > 3.2
    return x, fails.long()


class Watchman(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.hidden = nn.Linear(12, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.out(self.dropout(torch.relu(self.norm(self.hidden(x)))))


def evaluate(model, x, y, weight):
    model.eval()
    with torch.no_grad():
        out = model(x)
    recall = [(out.argmax(1)[y == c] == c).float().mean().item() for c in (0, 1)]
    return nn.functional.cross_entropy(out, y, weight=weight).item(), recall


x, y = machines(6000)
x_val, y_val = machines(3000)
share = torch.bincount(y) / len(y)
sampler = WeightedRandomSampler((1 / share)[y], num_samples=3000)
loader = DataLoader(TensorDataset(x, y), batch_size=100, sampler=sampler)
model = Watchman()
epochs = 15
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    val, recall = evaluate(model, x_val, y_val, 1 / share)
    print(f"epoch {epoch} loss {loss.item():.4f} val loss {val:.4f} recall {recall[0]:.3f} {recall[1]:.3f}")
print(f"final: val loss {val:.4f}, {share[1].item():.3f} fail, balanced accuracy {sum(recall) / 2:.3f}")
