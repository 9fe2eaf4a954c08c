import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(48)
SHOPS, ITEMS = 30, 50
shop_effect, item_effect = torch.randn(SHOPS, 2), torch.randn(ITEMS, 2)


def sales(n):
    s, i = torch.randint(0, SHOPS, (n,)), torch.randint(0, ITEMS, (n,))
    price = torch.randn(n, 2)
    target = (shop_effect[s] * item_effect[i]).sum(1) * 0.6 + torch.tanh(price[:, 0]) - 0.4 * price[:, 1] + 0.8 * torch.randn(n)
    return s, i, price, target


class Demand(nn.Module):
    def __init__(self, dim=3):
        super().__init__()
        self.shop = nn.Embedding(SHOPS, dim, sparse=True)
        self.item = nn.Embedding(ITEMS, dim, sparse=True)
        for table in (self.shop, self.item):
            nn.init.normal_(table.weight, std=0.5)
        self.mlp = nn.Sequential(nn.Linear(3 * dim + 2, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, s, i, price):
        a, b = self.shop(s), self.item(i)
        return self.mlp(torch.cat([a, b, a * b, price], 1)).squeeze(1)


train = DataLoader(TensorDataset(*sales(9000)), batch_size=120, shuffle=True)
val = sales(2500)
model = Demand()
sparse = torch.optim.SparseAdam([model.shop.weight, model.item.weight], lr=8e-3)
dense = torch.optim.AdamW(model.mlp.parameters(), lr=4e-3, weight_decay=0.02)
epochs = 16
schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, epochs) for o in (sparse, dense)]
for epoch in range(1, epochs + 1):
    model.train()
    s = 0.0
    for *inputs, y in train:
        loss = F.mse_loss(model(*inputs), y)
        sparse.zero_grad()
        dense.zero_grad()
        loss.backward()
        sparse.step()
        dense.step()
        s += loss.item() / len(train)
    for sch in schedules:
        sch.step()
    model.eval()
    with torch.no_grad():
        v = F.mse_loss(model(*val[:3]), val[3]).item()
    print(f"epoch {epoch} train loss {s:.4f} val loss {v:.4f}")
print(f"final: val mse {v:.3f}")
