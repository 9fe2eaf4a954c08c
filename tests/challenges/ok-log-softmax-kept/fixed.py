import torch
import torch.nn as nn

SEED = 3
EPOCHS = 15
torch.manual_seed(SEED)


def readings(n, steps=10):
    """Ten readings of a meter with five channels; which of six routines ran is to be told."""
    kind = torch.randint(0, 6, (n,))
    t = torch.arange(steps, dtype=torch.float32)[None, :, None]
    c = torch.arange(5, dtype=torch.float32)[None, None]
    k = kind[:, None, None].float()
    start = torch.rand(n, 1, 1) * 3
    x = torch.sin((0.4 + 0.25 * k) * t + c + start) + 0.6 * torch.cos(0.5 * k * c)
    return x + 0.9 * torch.randn(n, steps, 5), kind


class RoutineTransformer(nn.Module):
    """Returns log-probabilities, which the web page shows as they are."""

    def __init__(self, dim=24):
        super().__init__()
        self.embed = nn.Linear(5, dim)
        self.position = nn.Parameter(0.1 * torch.randn(10, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 48, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.classify = nn.Sequential(nn.Linear(dim, 6), nn.LogSoftmax(dim=-1))

    def forward(self, x):
        h = self.encoder(self.embed(x) + self.position)
        return self.classify(self.norm(h.mean(1)))


x_train, y_train = readings(4000)
x_val, y_val = readings(1000)
model = RoutineTransformer()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
batches = [slice(i, i + 80) for i in range(0, len(x_train), 80)]
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=EPOCHS * len(batches))
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
for epoch in range(EPOCHS):
    model.train()
    order = torch.randperm(len(x_train))
    total = 0.0
    for s in batches:
        idx = order[s]
        optimizer.zero_grad()
        loss = loss_fn(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() / len(batches)
    model.eval()
    with torch.no_grad():
        log_p = model(x_val)
        val = loss_fn(log_p, y_val).item()
        sure = log_p.exp().max(1).values.mean().item()
        acc = (log_p.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} accuracy {acc:.3f} mean confidence {sure:.3f}")
