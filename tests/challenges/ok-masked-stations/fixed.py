import torch
import torch.nn as nn

torch.manual_seed(61)
STATIONS, DIM, HIDE = 16, 32, 5


def weather(n, where):
    """Temperatures of 16 stations on one day: a few smooth waves over the country."""
    amp = torch.randn(n, 3)
    phase = 6.28 * torch.rand(n, 3)
    k = torch.tensor([1.0, 1.5, 2.2])
    field = (amp[:, None] * torch.sin(k * where[:, None] * 3 + phase[:, None])).sum(2)
    return field + 0.5 * torch.randn(n, STATIONS)


class Filler(nn.Module):
    """Predicts the hidden stations from the visible ones."""

    def __init__(self):
        super().__init__()
        self.value = nn.Linear(1, DIM)
        self.station = nn.Parameter(0.3 * torch.randn(STATIONS, DIM))
        self.mask_token = nn.Parameter(0.3 * torch.randn(DIM))
        layer = nn.TransformerEncoderLayer(DIM, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.mixer = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, 1))

    def forward(self, x, hidden):
        tokens = torch.where(hidden[..., None], self.mask_token, self.value(x[..., None]))
        return self.out(self.mixer(tokens + self.station)).squeeze(-1)


def random_mask(n):
    return torch.rand(n, STATIONS).argsort(1) < HIDE


where = torch.rand(STATIONS).sort().values
train, val = weather(2560, where), weather(800, where)
mean, std = train.mean(0), train.std(0)
train, val = (train - mean) / std, (val - mean) / std
val_mask = random_mask(len(val))
model = Filler()
epochs = 12
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * 40)
for epoch in range(epochs):
    model.train()
    running = []
    for idx in torch.randperm(len(train)).split(64):
        mask = random_mask(len(idx))
        loss = (model(train[idx], mask) - train[idx])[mask].pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running.append(loss.item())
    model.eval()
    with torch.no_grad():
        val_loss = (model(val, val_mask) - val)[val_mask].pow(2).mean().item()
    print(f"epoch {epoch + 1} train {sum(running) / len(running):.4f} val loss {val_loss:.4f}")
print(f"final: error of the hidden stations {val_loss:.4f} (their variance {val[val_mask].var():.4f})")
