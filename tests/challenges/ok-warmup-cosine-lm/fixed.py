import math

import torch
from torch import nn
from torch.nn import functional as F


class LanguageModel(nn.Module):
    def __init__(self, vocab=20, dim=32, length=24):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.place = nn.Embedding(length, dim)
        nn.init.normal_(self.embed.weight, std=0.1)
        nn.init.normal_(self.place.weight, std=0.1)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, words):
        x = self.embed(words) + self.place.weight
        x = self.norm(self.body(x, mask=self.mask, is_causal=True))
        return F.linear(x, self.embed.weight)


def text(n, table, length=25):
    words = torch.randint(0, 20, (n, length))
    for t in range(1, length):
        words[:, t] = torch.multinomial(table[words[:, t - 1]], 1)[:, 0]
    return words


def loss_of(model, words):
    return F.cross_entropy(model(words[:, :-1]).reshape(-1, 20), words[:, 1:].reshape(-1))


torch.manual_seed(10)
table = torch.softmax(1.8 * torch.randn(20, 20), 1)
train, val = text(900, table), text(300, table)
model = LanguageModel()
matrices = [p for p in model.parameters() if p.dim() > 1]
vectors = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], lr=4e-3)
epochs = 12
total = epochs * 30
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: (s + 1) / 40 if s < 40 else 0.5 * (1 + math.cos(math.pi * (s - 40) / (total - 40))))
for epoch in range(epochs):
    model.train()
    for batch in train[torch.randperm(900)].split(30):
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
    model.eval()
    with torch.no_grad():
        vl = loss_of(model, val).item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {vl:.4f} perplexity {math.exp(vl):.2f}")
print(f"final: val loss {vl:.4f}")
