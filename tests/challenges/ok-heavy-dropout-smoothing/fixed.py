import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def table(n, centres):
    y = torch.randint(0, 7, (n,))
    x = centres[y] + 1.1 * torch.randn(n, 16)
    wrong = torch.rand(n) < 0.08
    y[wrong] = torch.randint(0, 7, (int(wrong.sum()),))
    return x / 1.5, y


torch.manual_seed(24)
centres = torch.randn(7, 16)
loader = DataLoader(TensorDataset(*table(3000, centres)), batch_size=64, shuffle=True)
xv, yv = table(1000, centres)
model = nn.Sequential(nn.Linear(16, 96), nn.ReLU(), nn.Dropout(0.5), nn.Linear(96, 96), nn.ReLU(), nn.Dropout(0.5), nn.Linear(96, 7))
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
epochs = 14
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val = criterion(out, yv).item()
    print(f"epoch {epoch} loss {total:.4f} val loss {val:.4f} val accuracy {(out.argmax(1) == yv).float().mean().item():.4f}")
print(f"final: val loss {val:.4f}")
