import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(33)
epochs = 8


def beats(n, kinds, seed):
    """pulse curves of 64 points; the kind sets form and place of a second wave"""
    g = torch.Generator().manual_seed(seed)
    t = torch.linspace(0, 1, 64)
    kind = torch.randint(0, len(kinds), (n,), generator=g)
    place, width, sign = (torch.tensor(v)[kind].unsqueeze(1) for v in zip(*kinds))
    jitter = 0.04 * torch.randn(n, 1, generator=g)
    curve = torch.exp(-(t - 0.25 - jitter) ** 2 / 0.004) + 0.7 * sign * torch.exp(-(t - place - jitter) ** 2 / width)
    return (curve + 0.5 * torch.randn(n, 64, generator=g)).unsqueeze(1), kind


class Trunk(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv1d(1, 16, 7, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
                         nn.Conv1d(16, 24, 5, padding=2), nn.BatchNorm1d(24), nn.ReLU(), nn.MaxPool1d(4), nn.Flatten())


def fit(trunk, head, loader, optimizer, frozen):
    trunk.train(not frozen)
    head.train()
    total = 0.0
    for x, y in loader:
        with torch.set_grad_enabled(not frozen):
            features = trunk(x)
        loss = F.cross_entropy(head(features), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    return total / len(loader.dataset)


@torch.no_grad()
def check(trunk, head, x, y):
    trunk.eval()
    head.eval()
    out = head(trunk(x))
    return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


trunk, old_head = Trunk(), nn.Linear(24 * 8, 6)
common = [(0.45, 0.002, 1.0), (0.6, 0.002, 1.0), (0.75, 0.002, 1.0), (0.45, 0.01, -1.0), (0.6, 0.01, -1.0), (0.75, 0.01, -1.0)]
source = DataLoader(TensorDataset(*beats(2400, common, 1)), batch_size=60, shuffle=True)
optimizer = torch.optim.Adam([*trunk.parameters(), *old_head.parameters()], lr=2e-3)
for k in range(4):
    print(f"pretraining {k + 1}: loss {fit(trunk, old_head, source, optimizer, False):.4f}")

rare = [(0.5, 0.003, -1.0), (0.65, 0.003, 1.0), (0.68, 0.02, 1.0)]
loader = DataLoader(TensorDataset(*beats(600, rare, 2)), batch_size=30, shuffle=True)
x_val, y_val = beats(500, rare, 3)
head = nn.Sequential(nn.Dropout(0.5), nn.Linear(24 * 8, 3))
for phase in ("head", "all"):
    frozen = phase == "head"
    for p in trunk.parameters():
        p.requires_grad_(not frozen)
    groups = [{"params": head.parameters(), "lr": 2e-3 if frozen else 3e-4}]
    if not frozen:
        groups.append({"params": trunk.parameters(), "lr": 1e-4})
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05)
    for epoch in range(epochs):
        loss = fit(trunk, head, loader, optimizer, frozen)
        val_loss, acc = check(trunk, head, x_val, y_val)
        print(f"epoch {epoch + 1} ({phase}) train loss {loss:.4f} val loss {val_loss:.4f} accuracy {acc:.3f}")
print(f"final: accuracy on the rare beats {acc:.3f}, val loss {val_loss:.3f}")
