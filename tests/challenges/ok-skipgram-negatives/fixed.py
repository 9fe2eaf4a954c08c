import torch
import torch.nn as nn
from torch.nn.functional import logsigmoid

torch.manual_seed(88)
VOCABULARY, TOPICS, WINDOW, NEGATIVES = 400, 10, 2, 5

# a stream of words whose topic changes slowly; word frequencies follow Zipf's law
zipf = 1 / torch.arange(1, VOCABULARY + 1).float()
affinity = torch.exp(1.6 * torch.randn(TOPICS, VOCABULARY))
by_topic = zipf * affinity
by_topic = by_topic / by_topic.sum(1, keepdim=True)


def text(length):
    change = torch.rand(length) < 0.04
    drawn = torch.randint(0, TOPICS, (length,))
    topic = drawn[torch.where(change, torch.arange(length), 0).cummax(0).values]
    return torch.multinomial(by_topic[topic], 1).squeeze(1)


def pairs(stream):
    offsets = [d for d in range(-WINDOW, WINDOW + 1) if d]
    centre = torch.arange(WINDOW, len(stream) - WINDOW)
    return torch.cat([torch.stack([stream[centre], stream[centre + d]], 1) for d in offsets])


class SkipGram(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.inp = nn.Embedding(VOCABULARY, dim, sparse=True)
        self.out = nn.Embedding(VOCABULARY, dim, sparse=True)
        nn.init.uniform_(self.inp.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.out.weight)

    def forward(self, word, context, negative):
        w = self.inp(word)
        good = (w * self.out(context)).sum(1)
        bad = torch.einsum("bd,bkd->bk", w, self.out(negative))
        return -(logsigmoid(good) + logsigmoid(-bad).sum(1)).mean()


train, val = pairs(text(16000)), pairs(text(4000))
unigram = torch.bincount(train[:, 0], minlength=VOCABULARY).float() ** 0.75
val_negatives = torch.multinomial(unigram, len(val) * NEGATIVES, replacement=True).view(-1, NEGATIVES)
model = SkipGram()
optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=6e-3)
epochs = 8
for epoch in range(epochs):
    for group in optimizer.param_groups:
        group["lr"] = 6e-3 * (1 - epoch / epochs)
    order = torch.randperm(len(train))
    total = 0.0
    for rows in order.split(512):
        negative = torch.multinomial(unigram, len(rows) * NEGATIVES, replacement=True).view(-1, NEGATIVES)
        loss = model(train[rows, 0], train[rows, 1], negative)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    with torch.no_grad():
        v = model(val[:, 0], val[:, 1], val_negatives).item()
    print(f"epoch {epoch + 1} train loss {total / len(train):.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f} (six coin flips {6 * 0.6931:.4f})")
