"""Blood smears counted on many cytometers.

Every instrument has its own gains and offsets, so a batch holds the cells of one instrument only and the first
layer standardises by what it sees in that batch, in training and for a new instrument alike.
"""
import torch
import torch.nn as nn

torch.manual_seed(29)
EPOCHS = 12
CELLS, CHANNELS, TYPES = 128, 8, 5

profile = torch.randn(TYPES, CHANNELS)
spread = 0.5 + 0.4 * torch.rand(TYPES, CHANNELS)


def instrument():
    kind = torch.randint(TYPES, (CELLS,))
    cells = profile[kind] + spread[kind] * torch.randn(CELLS, CHANNELS)
    gain, offset = torch.exp(0.7 * torch.randn(CHANNELS)), 2 * torch.randn(CHANNELS)
    return gain * cells + offset, kind


class CellNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.standardise = nn.BatchNorm1d(CHANNELS, affine=False, track_running_stats=False)
        self.body = nn.Sequential(nn.Linear(CHANNELS, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU())
        self.head = nn.Linear(32, TYPES)

    def forward(self, x):
        return self.head(self.body(self.standardise(x)))


train_instruments = [instrument() for _ in range(60)]
new_instruments = [instrument() for _ in range(20)]
model = CellNet()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3, alpha=0.95)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=EPOCHS)
criterion = nn.CrossEntropyLoss()
for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for i in torch.randperm(len(train_instruments)).tolist():
        x, y = train_instruments[i]
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_instruments)
    scheduler.step()
    model.eval()
    val_loss = acc = 0.0
    with torch.no_grad():
        for x, y in new_instruments:
            out = model(x)
            val_loss += criterion(out, y).item() / len(new_instruments)
            acc += (out.argmax(1) == y).float().mean().item() / len(new_instruments)
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {acc:.3f}")
