import math
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)
DAYS, EPOCHS = 28, 20


def visits(n):
    """Daily visits of a page over four weeks; the class says whether the page is read on workdays, at weekends or evenly."""
    kind = torch.randint(0, 3, (n,))
    level = torch.exp(0.5 + 1.5 * torch.rand(n, 1))
    weekend = (torch.arange(DAYS) % 7 >= 5).float()
    effect = torch.tensor([-0.5, 0.5, 0.0])[kind].unsqueeze(1)
    rate = level * torch.exp(effect * (2 * weekend - 0.6))
    counts = torch.poisson(rate)
    odd = torch.rand(n) < 0.15
    return counts, torch.where(odd, torch.randint(0, 3, (n,)), kind)


def preprocess(counts):
    return torch.log(counts + 1).unsqueeze(-1) - 1.0


class PageTransformer(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.embed = nn.Linear(1, d)
        pos = torch.arange(DAYS).unsqueeze(1) * torch.exp(-math.log(1000.0) * torch.arange(0, d, 2) / d)
        self.register_buffer("pe", torch.cat([pos.sin(), pos.cos()], 1))
        layer = nn.TransformerEncoderLayer(d, nhead=4, dim_feedforward=48, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=1)
        self.head = nn.Linear(d, 3)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x) + self.pe).mean(1))


counts, kind = visits(2000)
train = TensorDataset(preprocess(counts[:1500]), kind[:1500])
val_x, val_y = preprocess(counts[1500:]), kind[1500:]
loader = DataLoader(train, batch_size=50, shuffle=True)
model = PageTransformer()
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
ce = nn.CrossEntropyLoss()
for epoch in range(1, EPOCHS + 1):
    model.train()
    running = 0.0
    for x, y in loader:
        loss = ce(model(x), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        running += loss.item() * len(x)
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val = ce(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {running / 1500:.4f} val loss {val:.4f} val accuracy {acc:.3f}")
