import numpy as np
import torch
from torch import nn

torch.manual_seed(73)
rng = np.random.default_rng(seed=73)
VOCABULARY, TOPICS = 3000, 6
frequency = 1 / (np.arange(VOCABULARY) + 10.0)
frequency /= frequency.sum()
theme = rng.integers(TOPICS, size=VOCABULARY)
lean = np.stack([frequency * np.where(theme == k, 4.0, 1.0) for k in range(TOPICS)])
lean /= lean.sum(1, keepdims=True)


def news(n):
    """messages of 15 to 45 words, as one flat list with offsets; some are filed under a wrong topic"""
    topic = rng.integers(TOPICS, size=n)
    words = [rng.choice(VOCABULARY, size=rng.integers(15, 46), p=lean[k]) for k in topic]
    filed = np.where(rng.random(n) < 0.08, rng.integers(TOPICS, size=n), topic)
    return [torch.tensor(w) for w in words], torch.tensor(filed)


def collate(words, filed, idx, keep=1.0):
    chosen = [words[i] for i in idx.tolist()]
    if keep < 1:
        chosen = [w[torch.rand(len(w)) < keep] for w in chosen]
    offsets = torch.tensor([0] + [len(w) for w in chosen[:-1]]).cumsum(0)
    return torch.cat(chosen), offsets, filed[idx]


class TopicModel(nn.Module):
    def __init__(self, size=24):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCABULARY, size, mode="mean", sparse=True)
        self.head = nn.Sequential(nn.Linear(size, 32), nn.GELU(), nn.Dropout(0.3), nn.Linear(32, TOPICS))

    def forward(self, words, offsets):
        return self.head(self.bag(words, offsets))


train, val = news(6000), news(800)
val_batch = collate(*val, torch.arange(800))
model = TopicModel()
nn.init.normal_(model.bag.weight, std=0.1)
epochs = 12
optimizers = [
    torch.optim.SparseAdam(model.bag.parameters(), lr=4e-3),
    torch.optim.AdamW(model.head.parameters(), lr=3e-3, weight_decay=0.01),
]
schedulers = [torch.optim.lr_scheduler.LambdaLR(o, lambda e: max(0.0, 1 - e / epochs)) for o in optimizers]
criterion = nn.CrossEntropyLoss()
for epoch in range(epochs):
    model.train()
    running = 0.0
    for idx in torch.randperm(6000).split(75):
        words, offsets, filed = collate(*train, idx, keep=0.4)
        for o in optimizers:
            o.zero_grad()
        loss = criterion(model(words, offsets), filed)
        loss.backward()
        for o in optimizers:
            o.step()
        running += loss.item() / 80
    for s in schedulers:
        s.step()
    model.eval()
    with torch.no_grad():
        scores = model(*val_batch[:2])
        val_loss = criterion(scores, val_batch[2]).item()
        right = (scores.argmax(1) == val_batch[2]).float().mean().item()
    print(f"epoch {epoch + 1} loss {running:.4f} val loss {val_loss:.4f} right {right:.4f}")
print(f"final: val loss {val_loss:.4f}, right {right:.4f}")
