import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(29)
VOCAB, LEN = 7, 12


def corpus(n):
    """Second-order rule with 15 % noise: next = (a + 2 b) mod VOCAB."""
    s = torch.randint(0, VOCAB, (n, LEN + 1))
    for t in range(2, LEN + 1):
        rule = (s[:, t - 1] + 2 * s[:, t - 2]) % VOCAB
        s[:, t] = torch.where(torch.rand(n) < 0.85, rule, s[:, t])
    return s


class TinyLM(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, dim)
        self.pos = nn.Embedding(LEN, dim)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(dim), enable_nested_tensor=False)
        self.head = nn.Linear(dim, VOCAB)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LEN))

    def forward(self, s):
        h = self.tok(s) + self.pos(torch.arange(s.size(1)))
        return self.head(self.body(h, mask=self.mask, is_causal=True))


def lm_loss(model, s):
    return F.cross_entropy(model(s[:, :-1]).flatten(0, 1), s[:, 1:].flatten())


train, val = corpus(2500), corpus(400)
model = TinyLM()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.82)
epochs = 12
for epoch in range(1, epochs + 1):
    model.train()
    acc = 0.0
    batches = torch.randperm(len(train)).split(50)
    for b in batches:
        optimizer.zero_grad()
        loss = lm_loss(model, train[b])
        loss.backward()
        optimizer.step()
        acc += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val_loss = lm_loss(model, val).item()
    print(f"epoch {epoch} train loss {acc / len(batches):.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.3f}")
