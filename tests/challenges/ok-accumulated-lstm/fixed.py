import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class Reader(nn.Module):
    def __init__(self, symbols=14, hidden=28):
        super().__init__()
        self.embed = nn.Embedding(symbols, 10)
        self.lstm = nn.LSTM(10, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(hidden, 3)

    def forward(self, x):
        _, (h, _) = self.lstm(self.embed(x))
        return self.fc(self.drop(h[-1]))


def strings(n, worth):
    x = torch.randint(0, 14, (n, 12))
    total = worth[x].sum(1)
    y = (total > -1.5).long() + (total > 1.5).long()
    wrong = torch.rand(n) < 0.1
    y[wrong] = torch.randint(0, 3, (int(wrong.sum()),))
    return x, y


torch.manual_seed(28)
worth = torch.randn(14)
worth = worth - worth.mean()
loader = DataLoader(TensorDataset(*strings(3200, worth)), batch_size=16, shuffle=True)
xv, yv = strings(1000, worth)
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
epochs = 10
accumulate = 4
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
ce = nn.CrossEntropyLoss()
for epoch in range(epochs):
    model.train()
    optimizer.zero_grad()
    for i, (x, y) in enumerate(loader):
        loss = ce(model(x), y) / accumulate
        loss.backward()
        if (i + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val = ce(out, yv).item()
    print(f"epoch {epoch + 1} loss {accumulate * loss.item():.4f} val loss {val:.4f} val accuracy {(out.argmax(1) == yv).float().mean().item():.4f}")
print(f"final: val loss {val:.4f}")
