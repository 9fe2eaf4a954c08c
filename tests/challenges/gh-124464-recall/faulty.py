"""A small causal transformer reads key/value pairs and is asked for the value of one of the keys.

New episodes are drawn for every epoch; one answer in twenty is a slip of the keyboard.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

KEYS, VALUES, PAIRS = 12, 10, 5
DIM, HEADS = 48, 2


def make_episodes(n):
    keys = torch.rand(n, KEYS).argsort(1)[:, :PAIRS]
    values = torch.randint(0, VALUES, (n, PAIRS))
    asked = torch.randint(0, PAIRS, (n, 1))
    pairs = keys * VALUES + values
    query = KEYS * VALUES + keys.gather(1, asked)
    answer = values.gather(1, asked).squeeze(1)
    slip = torch.rand(n) < 0.05
    answer[slip] = torch.randint(0, VALUES, (int(slip.sum()),))
    return torch.cat([pairs, query], 1), answer


class Attention(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (z.view(b, t, self.heads, -1).transpose(1, 2) for z in self.qkv(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, heads, dropout)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Recall(nn.Module):
    def __init__(self, dropout=0.3):
        super().__init__()
        self.tokens = nn.Embedding(KEYS * VALUES + KEYS, DIM)
        self.blocks = nn.Sequential(Block(DIM, HEADS, dropout), Block(DIM, HEADS, dropout))
        self.norm = nn.LayerNorm(DIM)
        self.head = nn.Linear(DIM, VALUES)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.tokens(tokens))[:, -1]))


torch.manual_seed(2)
x_val, y_val = make_episodes(1000)
model = Recall()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
epochs = 16
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * 63)

for epoch in range(epochs):
    model.train()
    running = 0.0
    x_train, y_train = make_episodes(4000)
    for index in torch.randperm(4000).split(64):
        loss = F.cross_entropy(model(x_train[index]), y_train[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        running += loss.item() * len(index) / 4000
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
    val_loss = F.cross_entropy(logits, y_val).item()
    accuracy = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val_loss:.4f} val accuracy {accuracy:.3f}")
