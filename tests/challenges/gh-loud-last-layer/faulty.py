import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split


class Head(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.fc1 = nn.Linear(n_in, 64)
        self.bn = nn.BatchNorm1d(64)
        self.fc2 = nn.Linear(64, n_out)
        nn.init.normal_(self.fc2.weight, std=20.0)
        nn.init.zeros_(self.fc2.bias)

    def forward(self, x):
        return self.fc2(torch.relu(self.bn(self.fc1(x))))


def anchors(n):
    box = torch.randn(n, 8)
    score = torch.stack([box[:, 0], -box[:, 0] + box[:, 1], box[:, 2] * box[:, 3], -box[:, 1], box[:, 4].abs() - 0.8, 0.7 * box[:, 5]], 1)
    return box, (1.7 * score + torch.distributions.Gumbel(0, 1).sample((n, 6))).argmax(1)


torch.manual_seed(52)
train_set, val_set = random_split(TensorDataset(*anchors(6500)), [5000, 1500])
train, val = DataLoader(train_set, 50, shuffle=True), DataLoader(val_set, 500)
model = Head(8, 6)
epochs = 16
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    tl = 0.0
    for x, y in train:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tl += loss.item() / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        outs = [(model(x), y) for x, y in val]
    vl = sum(F.cross_entropy(o, y).item() for o, y in outs) / len(outs)
    va = sum((o.argmax(1) == y).sum().item() for o, y in outs) / len(val_set)
    print(f"epoch {epoch} train loss {tl:.4f} val loss {vl:.4f} val accuracy {va:.3f}")
print(f"final: val loss {vl:.3f} val accuracy {va:.3f}")
