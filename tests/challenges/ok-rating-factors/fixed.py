"""Matrix factorisation of film ratings with biases, embeddings with sparse gradients, plain SGD."""
import numpy as np
import torch
from torch import nn

USERS, FILMS, RANK = 400, 250, 4
rng = np.random.default_rng(6)
torch.manual_seed(6)

taste, style = rng.normal(size=(USERS, RANK)), rng.normal(size=(FILMS, RANK))
kindness, quality = 0.4 * rng.normal(size=USERS), 0.5 * rng.normal(size=FILMS)
popularity = 1 / np.arange(1, FILMS + 1) ** 0.6
pairs = set()
for u in range(USERS):
    for f in rng.choice(FILMS, size=60, replace=False, p=popularity / popularity.sum()):
        pairs.add((u, int(f)))
pairs = np.array(sorted(pairs))
rng.shuffle(pairs)
u, f = pairs.T
stars = 3.4 + kindness[u] + quality[f] + 0.35 * (taste[u] * style[f]).sum(1) + 0.5 * rng.normal(size=len(u))
stars = np.clip(np.round(2 * stars) / 2, 0.5, 5)
user, film, stars = torch.from_numpy(u), torch.from_numpy(f), torch.tensor(stars, dtype=torch.float32)
cut = int(0.85 * len(stars))
mean = stars[:cut].mean()


class Factors(nn.Module):
    def __init__(self, rank=6):
        super().__init__()
        self.users = nn.Embedding(USERS, rank, sparse=True)
        self.films = nn.Embedding(FILMS, rank, sparse=True)
        self.user_bias = nn.Embedding(USERS, 1, sparse=True)
        self.film_bias = nn.Embedding(FILMS, 1, sparse=True)
        for table in (self.users, self.films):
            nn.init.normal_(table.weight, std=0.3)
        for table in (self.user_bias, self.film_bias):
            nn.init.zeros_(table.weight)

    def forward(self, u, f):
        p, q, a, b = self.users(u), self.films(f), self.user_bias(u).squeeze(1), self.film_bias(f).squeeze(1)
        penalty = p.square().sum(1) + q.square().sum(1) + a.square() + b.square()
        return mean + a + b + (p * q).sum(1), penalty.mean()


model = Factors()
optimizer = torch.optim.SGD(model.parameters(), lr=5.0)
epochs = 30
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for i in torch.randperm(cut).split(256):
        guess, penalty = model(user[i], film[i])
        error = (guess - stars[i]).square().mean()
        optimizer.zero_grad()
        (error + 0.05 * penalty).backward()
        optimizer.step()
        total += error.item() * len(i)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = (model(user[cut:], film[cut:])[0] - stars[cut:]).square().mean().item()
    print(f"epoch {epoch + 1} train rmse {(total / cut) ** 0.5:.4f} val loss {val:.4f}")
print(f"final: val loss {val:.4f} (variance {stars[cut:].var().item():.3f}), val rmse {val ** 0.5:.4f}")
