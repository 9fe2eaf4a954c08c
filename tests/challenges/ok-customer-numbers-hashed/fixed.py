import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = 66
torch.manual_seed(SEED)

# customer numbers as the shop writes them: 7 digits, most of them never used
customers = torch.randperm(9_000_000)[:120] + 1_000_000
articles = torch.randperm(900_000)[:40] + 100_000
taste, appeal = 1.2 * torch.randn(120, 2), 1.2 * torch.randn(40, 2)
base = torch.randn(40) - 0.5


class Returns(Dataset):
    """(customer number, article number, price in cents) and whether the parcel was sent back."""

    def __init__(self, n):
        c, a = torch.randint(0, 120, (n,)), torch.randint(0, 40, (n,))
        cents = (900 * torch.exp(0.8 * torch.randn(n))).long()
        logit = (taste[c] * appeal[a]).sum(1) + base[a] + 0.8 * (cents.float().log() - 6.8)
        self.rows = torch.stack([customers[c], articles[a], cents], 1)
        self.back = (torch.rand(n) < torch.sigmoid(logit)).float()

    def __len__(self):
        return len(self.back)

    def __getitem__(self, i):
        return self.rows[i], self.back[i]


class HashedFM(nn.Module):
    def __init__(self, buckets=4096, dim=4):
        super().__init__()
        self.buckets = buckets
        self.weight = nn.Embedding(buckets, 1)
        self.factor = nn.Embedding(buckets, dim)
        nn.init.zeros_(self.weight.weight)
        nn.init.normal_(self.factor.weight, std=0.2)
        self.price = nn.Linear(1, 1)

    def forward(self, rows):
        step = torch.floor(torch.log2(rows[:, 2].clamp(min=1).float()))
        keys = torch.stack([rows[:, 0], rows[:, 1] + 20_000_000, step.long() + 50_000_000], 1)
        slots = (keys * 2654435761) % 2_147_483_647 % self.buckets
        v = self.factor(slots)
        pairs = 0.5 * (v.sum(1).pow(2) - v.pow(2).sum(1)).sum(1)
        return self.weight(slots).sum((1, 2)) + pairs + self.price(torch.log10(rows[:, 2:3].float()) - 3).squeeze(1)


train_dl = DataLoader(Returns(16000), batch_size=200, shuffle=True)
val_rows, val_back = Returns(3000)[:]
model = HashedFM()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1, weight_decay=1e-4)
loss_fn = nn.BCEWithLogitsLoss()
epochs = 15
for epoch in range(1, epochs + 1):
    total = 0.0
    for rows, back in train_dl:
        loss = loss_fn(model(rows), back)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(train_dl)
    with torch.no_grad():
        out = model(val_rows)
        val = loss_fn(out, val_back).item()
        acc = ((out > 0) == (val_back > 0.5)).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} accuracy {acc:.3f}")
