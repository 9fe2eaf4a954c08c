import argparse
import numpy as np
import torch
import torch.nn as nn

p = argparse.ArgumentParser()
p.add_argument("--epochs", type=int, default=8)
p.add_argument("--learning-rate", type=float, default=0.0005)
p.add_argument("--batch-size", type=int, default=128)
p.add_argument("--embedding", type=int, default=8)
p.add_argument("--seed", type=int, default=3)
args = p.parse_args()


def impressions(n, rng):
    users, shows, slots = rng.integers(0, 50, n), rng.integers(0, 40, n), rng.integers(0, 6, n)
    dense = rng.normal(0, 1, (n, 5))
    score = ((taste_user[users] * taste_show[shows]).sum(1) + slot_effect[slots]
             + 0.8 * dense[:, 0] - 0.6 * np.abs(dense[:, 1]) + 0.5 * dense[:, 2] * dense[:, 3] - 0.3)
    click = rng.random(n) < 1 / (1 + np.exp(-1.8 * score))
    ids = np.stack([users, 50 + shows, 90 + slots], 1)
    return torch.tensor(ids), torch.tensor(dense, dtype=torch.float32), torch.tensor(click, dtype=torch.float32)


rng = np.random.default_rng(args.seed)
taste_user, taste_show, slot_effect = rng.normal(0, 1, (50, 3)), rng.normal(0, 0.8, (40, 3)), rng.normal(0, 0.5, 6)
ids, dense, clicks = impressions(16000, rng)
val_ids, val_dense, val_clicks = impressions(3000, rng)


class ClickModel(nn.Module):
    def __init__(self, tokens, dense_columns, d):
        super().__init__()
        self.embedding = nn.Embedding(tokens, d)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.bottom = nn.Sequential(nn.Linear(dense_columns, 32), nn.ReLU(), nn.Linear(32, d), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(4 * d + 6, 64), nn.ReLU(), nn.Linear(64, 1))
        self.register_buffer("pairs", torch.triu_indices(4, 4, offset=1))

    def forward(self, ids, dense):
        z = torch.cat([self.embedding(ids), self.bottom(dense)[:, None]], 1)
        products = torch.bmm(z, z.transpose(1, 2))[:, self.pairs[0], self.pairs[1]]
        return self.top(torch.cat([z.flatten(1), products], 1))[:, 0]


torch.manual_seed(args.seed)
model = ClickModel(96, 5, args.embedding)
optimizer = torch.optim.Adagrad(model.parameters(), lr=args.learning_rate)
bce = nn.BCEWithLogitsLoss()
for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(clicks)).split(args.batch_size):
        optimizer.zero_grad()
        loss = bce(model(ids[rows], dense[rows]), clicks[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    model.eval()
    with torch.no_grad():
        logits = model(val_ids, val_dense)
        val_loss = bce(logits, val_clicks).item()
        accuracy = ((logits > 0) == (val_clicks > 0.5)).float().mean().item()
    print(f"epoch {epoch} train loss {total / len(clicks):.4f} val loss {val_loss:.4f} val accuracy {accuracy:.4f}")
