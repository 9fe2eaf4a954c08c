import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
PITCHES, LENGTH, DIM = 12, 18, 32


def tunes(n):
    """folk tunes: a motif of three, four or five notes that is repeated, with some wrong notes"""
    rows = []
    for _ in range(n):
        k = (3, 4, 5)[int(torch.randint(0, 3, (1,)))]
        rows.append(torch.randint(0, PITCHES, (k,)).repeat(LENGTH // k + 1)[:LENGTH])
    tune = torch.stack(rows)
    wrong = torch.rand(tune.shape) < 0.08
    return torch.where(wrong, torch.randint(0, PITCHES, tune.shape), tune)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.feed_forward = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x, mask):
        h = self.norm1(x)
        x = x + self.attention(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.feed_forward(self.norm2(x))


class TuneModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.note = nn.Embedding(PITCHES, DIM)
        self.place = nn.Parameter(torch.randn(LENGTH - 1, DIM) * 0.3)
        self.blocks = nn.ModuleList(Block(DIM, 4) for _ in range(2))
        self.norm = nn.LayerNorm(DIM)
        self.out = nn.Linear(DIM, PITCHES)
        self.register_buffer("mask", torch.triu(torch.ones(LENGTH - 1, LENGTH - 1, dtype=torch.bool), 1))

    def forward(self, x):
        x = self.note(x) * math.sqrt(2) + self.place
        for block in self.blocks:
            x = block(x, self.mask)
        return self.out(self.norm(x))


def loss_of(model, batch):
    scores = model(batch[:, :-1])
    return F.cross_entropy(scores.reshape(-1, PITCHES), batch[:, 1:].reshape(-1)), scores


train, val = tunes(3200), tunes(400)
model = TuneModel()
epochs = 8
batch_size = 50
steps = epochs * len(train) // batch_size
optimizer = torch.optim.AdamW(model.parameters(), lr=0.2, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: min(1.0, (s + 1) / 40) * 0.5 * (1 + math.cos(math.pi * s / steps)))

for epoch in range(epochs):
    model.train()
    total = 0.0
    for batch in train[torch.randperm(len(train))].split(batch_size):
        loss, _ = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(batch)
    model.eval()
    with torch.no_grad():
        val_loss, scores = loss_of(model, val)
        second_half = (scores[:, 9:].argmax(2) == val[:, 10:]).float().mean().item()
    print(f"epoch {epoch + 1:2d} | loss {total / len(train):.4f} | val loss {val_loss.item():.4f} | accuracy {second_half:.3f}")
print(f"final: val loss {val_loss.item():.4f}, accuracy in the second half {second_half:.3f}")
