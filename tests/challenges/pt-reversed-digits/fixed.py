import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(11)
VOCAB, LENGTH, DIM = 10, 12, 48


def sample(n):
    """Strings of digits and the same strings read from right to left; one digit in ten is misprinted."""
    src = torch.randint(0, VOCAB, (n, LENGTH))
    tgt = src.flip(1)
    wrong = torch.rand(n, LENGTH) < 0.1
    return src, torch.where(wrong, torch.randint(0, VOCAB, (n, LENGTH)), tgt)


class SelfAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.scale = math.sqrt(dim)

    def forward(self, x):
        scores = torch.bmm(self.query(x), self.key(x).transpose(1, 2)) / self.scale
        attn = F.softmax(scores, dim=-1)
        return torch.bmm(attn, self.value(x))


class Reverser(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, DIM)
        self.pos = nn.Parameter(torch.randn(LENGTH, DIM) * 0.5)
        self.attention = SelfAttention(DIM)
        self.norm = nn.LayerNorm(DIM)
        self.ff = nn.Sequential(nn.Linear(DIM, 96), nn.ReLU(), nn.Linear(96, VOCAB))

    def forward(self, ids):
        x = self.tok(ids) + self.pos
        return self.ff(self.norm(x + self.attention(x)))


train_src, train_tgt = sample(4000)
val_src, val_tgt = sample(1000)
model = Reverser()
epochs = 8
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    running = 0.0
    for idx in torch.randperm(len(train_src)).split(50):
        logits = model(train_src[idx])
        loss = F.cross_entropy(logits.reshape(-1, VOCAB), train_tgt[idx].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx) / len(train_src)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = torch.cat([model(part) for part in val_src.split(50)])
        val_loss = F.cross_entropy(out.reshape(-1, VOCAB), val_tgt.reshape(-1)).item()
        acc = (out.argmax(-1) == val_src.flip(1)).float().mean().item()
    print(f"epoch {epoch + 1} train loss {running:.4f} val loss {val_loss:.4f} digit accuracy {acc:.3f}")
print(f"final: val loss {val_loss:.4f}, digit accuracy {acc:.3f}")
