import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def stereo(n, seed):
    g = torch.Generator().manual_seed(seed)
    left = torch.randn(n, 10, generator=g)
    shift = torch.randint(0, 3, (n,), generator=g)
    right = torch.stack([left.roll(k, 1) for k in range(3)], 1)[torch.arange(n), shift]
    right = right + 0.9 * torch.randn(n, 10, generator=g)
    return torch.stack([left, right / 1.35], 2), shift


class Matcher(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 32, batch_first=True)
        self.fc = nn.Linear(32, 3)

    def forward(self, x):
        return self.fc(self.lstm(x)[0].mean(1))


def evaluate(model, loader):
    model.eval()
    loss = hits = 0.0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += F.cross_entropy(out, y).item() / len(loader)
            hits += (out.argmax(1) == y).float().mean().item() / len(loader)
    model.train()
    return loss, hits


torch.manual_seed(90)
train_loader = DataLoader(TensorDataset(*stereo(3000, 1)), batch_size=60, shuffle=True)
val_loader = DataLoader(TensorDataset(*stereo(600, 2)), batch_size=150)
model = Matcher()
epochs = 13
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for x, y in train_loader:
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / len(train_loader)
        val_loss, val_acc = evaluate(model, val_loader)
    sched.step()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val_loss:.4f} val accuracy {val_acc:.3f}")
print(f"final: val loss {val_loss:.3f} val accuracy {val_acc:.3f}")
