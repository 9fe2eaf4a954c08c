import torch
import torch.nn as nn
import torch.nn.functional as F

KEYS, VALUES, PAIRS = 10, 6, 6


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.scale = dim ** -0.5

    def forward(self, query, context):
        scores = self.q(query) @ self.k(context).transpose(1, 2) * self.scale
        weights = torch.softmax(scores, dim=1)
        return weights @ self.v(context)


class Lookup(nn.Module):
    """pairs of key and value are read, then one key: which value belongs to it?"""

    def __init__(self, dim=24):
        super().__init__()
        self.key, self.value = nn.Embedding(KEYS, dim), nn.Embedding(VALUES, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attend = Attention(dim)
        self.ff = nn.Sequential(nn.Linear(dim, 48), nn.GELU(), nn.Linear(48, dim))
        self.out = nn.Linear(dim, VALUES)

    def forward(self, keys, values, asked):
        context = self.norm1(self.key(keys) + self.value(values))
        query = self.key(asked).unsqueeze(1)
        x = query + self.attend(query, context)
        x = x + self.ff(self.norm2(x))
        return self.out(x.squeeze(1))


def tables(n):
    keys = torch.rand(n, KEYS).argsort(1)[:, :PAIRS]
    values = torch.randint(0, VALUES, (n, PAIRS))
    pick = torch.randint(0, PAIRS, (n,))
    asked, answer = keys[torch.arange(n), pick], values[torch.arange(n), pick]
    wrong = torch.rand(n) < 0.1
    answer[wrong] = torch.randint(0, VALUES, (int(wrong.sum()),))
    return keys, values, asked, answer


torch.manual_seed(36)
train, val = tables(8000), tables(1500)
model = Lookup()
epochs = 12
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    for idx in torch.randperm(8000).split(100):
        *inputs, answer = [part[idx] for part in train]
        loss = F.cross_entropy(model(*inputs), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(*val[:3])
        vl, va = F.cross_entropy(out, val[3]).item(), (out.argmax(1) == val[3]).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {vl:.4f} val accuracy {va:.4f}")
print(f"final: val loss {vl:.4f}, val accuracy {va:.4f}")
