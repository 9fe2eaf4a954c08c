import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

parser = argparse.ArgumentParser(description="several topics a document, bag of words")
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--seed", type=int, default=8)
parser.add_argument("--lr", type=float, default=2e-3)
args = parser.parse_args()
torch.manual_seed(args.seed)

N_TOPICS, N_WORDS, LENGTH = 12, 300, 60


def corpus(n):
    prior = torch.linspace(0.05, 0.35, N_TOPICS)                     # some topics are rare
    topics = torch.bernoulli(prior.expand(n, N_TOPICS))
    words = torch.distributions.Dirichlet(torch.full((N_WORDS,), 0.15)).sample((N_TOPICS + 1,))
    mixture = torch.cat([0.8 * topics, torch.ones(n, 1)], 1)
    p = mixture / mixture.sum(1, keepdim=True) @ words
    counts = torch.distributions.Multinomial(LENGTH, p).sample()
    return counts, topics


counts, topics = corpus(4000)
features = torch.log1p(counts)
train, val = random_split(TensorDataset(features, topics), [3200, 800])
rows = torch.tensor(train.indices)
mu, sigma = features[rows].mean(0), features[rows].std(0) + 1e-3
frequency = topics[rows].mean(0)
positive_weight = ((1 - frequency) / frequency).sqrt()

model = nn.Sequential(nn.Linear(N_WORDS, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, N_TOPICS))
criterion = nn.BCEWithLogitsLoss(pos_weight=positive_weight)
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.1)
loader = DataLoader(train, batch_size=64, shuffle=True)
val_loader = DataLoader(val, batch_size=400)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(loader))


def evaluate():
    model.eval()
    loss, hit, said, true = 0.0, 0.0, 0.0, 0.0
    with torch.no_grad():
        for x, t in val_loader:
            z = model((x - mu) / sigma)
            loss += criterion(z, t).item() * len(x)
            yes = z > 0
            hit, said, true = hit + (yes * t).sum(0), said + yes.sum(0), true + t.sum(0)
    f1 = (2 * hit / (said + true).clamp(min=1)).mean().item()
    return loss / len(val), f1


for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for x, t in loader:
        optimizer.zero_grad()
        loss = criterion(model((x - mu) / sigma), t)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(x)
    vl, f1 = evaluate()
    print(f"epoch {epoch + 1}/{args.epochs} train loss {total / len(train):.4f} val loss {vl:.4f} macro f1 {f1:.3f}")
print(f"final: val loss {vl:.4f}, macro f1 {f1:.3f}")
