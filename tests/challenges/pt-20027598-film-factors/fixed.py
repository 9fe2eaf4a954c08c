import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
rng = np.random.default_rng(30)
PEOPLE, FILMS, FACTORS = 250, 160, 4

taste = rng.normal(0, 1, (PEOPLE, 3))
content = rng.normal(0, 1, (FILMS, 3))
kindness = rng.normal(0, 0.3, PEOPLE)
quality = rng.normal(0, 0.4, FILMS)
who = rng.integers(0, PEOPLE, 30000)
what = rng.integers(0, FILMS, 30000)
stars = 0.6 * (taste[who] * content[what]).sum(1) + kindness[who] + quality[what] + rng.normal(0, 0.6, len(who))
pairs, first = np.unique(who * FILMS + what, return_index=True)
first = rng.permutation(first)
who, what = torch.from_numpy(who[first]), torch.from_numpy(what[first])
stars = torch.tensor(stars[first], dtype=torch.float32)
cut = int(0.85 * len(stars))
stars = stars - stars[:cut].mean()


class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.person = nn.Embedding(PEOPLE, FACTORS)
        self.film = nn.Embedding(FILMS, FACTORS)
        self.person_bias = nn.Embedding(PEOPLE, 1)
        self.film_bias = nn.Embedding(FILMS, 1)
        for emb in (self.person, self.film):
            nn.init.normal_(emb.weight, 0.0, 0.3)
        for emb in (self.person_bias, self.film_bias):
            nn.init.zeros_(emb.weight)

    def forward(self, person, film):
        p, f = self.person(person), self.film(film)
        bias = self.person_bias(person) + self.film_bias(film)
        return (p * f).sum(1) + bias.squeeze(1), (p ** 2).sum(1).mean() + (f ** 2).sum(1).mean()


model = Factors()
mse = nn.MSELoss()
epochs = 20
opt = torch.optim.Adam(model.parameters(), lr=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
train = DataLoader(TensorDataset(who[:cut], what[:cut], stars[:cut]), batch_size=256, shuffle=True)

for epoch in range(epochs):
    model.train()
    errors = []
    for person, film, star in train:
        opt.zero_grad()
        guess, size = model(person, film)
        loss = mse(guess, star)
        (loss + 0.04 * size).backward()
        opt.step()
        errors.append(loss.item())
    sched.step()
    model.eval()
    with torch.no_grad():
        guess, _ = model(who[cut:], what[cut:])
        val_loss = mse(guess, stars[cut:]).item()
    print(f"epoch {epoch + 1} mse {np.mean(errors):.4f} val loss {val_loss:.4f}")

print(f"final: val loss {val_loss:.4f} variance {stars[cut:].var().item():.4f}")
