import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 29
torch.manual_seed(SEED)
WORDS, PLACES = 30, 12


def menus(n, table, mood):
    """What is ordered next, after the last three orders; a table is in one of three moods nobody writes down."""
    m = torch.randint(0, 3, (n,))
    seq = [torch.randint(0, WORDS, (n,))]
    for _ in range(PLACES):
        logits = table[seq[-1]] + mood[m]
        seq.append(torch.distributions.Categorical(logits=logits).sample())
    return torch.stack(seq, 1)


class MixtureOfSoftmaxes(nn.Module):
    """Yang et al. 2018: the probabilities are a weighted sum of several softmaxes; returned as logarithms."""

    def __init__(self, dim=24, heads=3):
        super().__init__()
        self.heads, self.dim = heads, dim
        self.emb = nn.Embedding(WORDS, dim)
        self.pos = nn.Parameter(0.02 * torch.randn(PLACES, dim))
        layer = nn.TransformerEncoderLayer(dim, 2, 48, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.prior = nn.Linear(dim, heads)
        self.latent = nn.Linear(dim, heads * dim)
        self.out = nn.Linear(dim, WORDS)
        self.register_buffer("mask", torch.triu(torch.full((PLACES, PLACES), float("-inf")), 1))

    def forward(self, tokens):
        h = self.body(self.emb(tokens) + self.pos, mask=self.mask)
        weight = F.softmax(self.prior(h), -1)
        parts = torch.tanh(self.latent(h)).unflatten(-1, (self.heads, self.dim))
        probs = F.softmax(self.out(parts), -1)
        return torch.log((weight.unsqueeze(-1) * probs).sum(-2) + 1e-8)


table, mood = 1.6 * torch.randn(WORDS, WORDS), 1.6 * torch.randn(3, WORDS)
train, val = menus(1500, table, mood), menus(400, table, mood)
model = MixtureOfSoftmaxes()
criterion = nn.NLLLoss()
epochs = 20
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for b in train[torch.randperm(len(train))].split(50):
        optimizer.zero_grad()
        loss = criterion(model(b[:, :-1]).flatten(0, 1), b[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b) / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logp = model(val[:, :-1]).flatten(0, 1)
        loss = criterion(logp, val[:, 1:].flatten()).item()
        hits = (logp.argmax(1) == val[:, 1:].flatten()).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {loss:.4f} guessed {hits:.3f}")
