"""Which package of the standard library does a piece of source come from?"""
import collections
import email
import json
import asyncio
import pathlib
import re
import time
import unittest

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(27)
PACKAGES = [email, asyncio, unittest, json]
WORD = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")


def pieces(package, lines=30):
    for path in sorted(pathlib.Path(package.__path__[0]).glob("*.py")):
        source = path.read_text().splitlines()
        for i in range(0, len(source) - lines, lines):
            yield "\n".join(source[i:i + lines])


def tokenise(text, vocabulary):
    ids = []
    for word in WORD.findall(text):
        for part in re.sub(r"([a-z])([A-Z])", r"\1 \2", word).lower().split():
            ids.append(vocabulary.get(part, 0))
    return torch.tensor(ids or [0])


class Snippets(Dataset):
    def __init__(self, texts, labels, vocabulary):
        self.texts, self.vocabulary = texts, vocabulary
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return tokenise(self.texts[i], self.vocabulary), self.labels[i]


def collate(items):
    lengths = torch.tensor([0] + [len(ids) for ids, _ in items[:-1]])
    return torch.cat([ids for ids, _ in items]), lengths.cumsum(0), torch.tensor([y for _, y in items])


class Bag(nn.Module):
    def __init__(self, words, classes):
        super().__init__()
        self.bag = nn.EmbeddingBag(words, 16, mode="mean")
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(16, classes)

    def forward(self, ids, offsets):
        return self.out(self.drop(self.bag(ids, offsets)))


texts = [(text, k) for k, package in enumerate(PACKAGES) for text in pieces(package)]
texts = [texts[i] for i in torch.randperm(len(texts)).tolist()][:700]
counts = collections.Counter(w.lower() for text, _ in texts[:500] for w in WORD.findall(text))
vocabulary = {w: i + 1 for i, (w, _) in enumerate(counts.most_common(600))}
start = time.process_time()
train = Snippets([t for t, _ in texts[:500]], [k for _, k in texts[:500]], vocabulary)
val = Snippets([t for t, _ in texts[500:]], [k for _, k in texts[500:]], vocabulary)
model = Bag(601, 4)
epochs = 14
optimizer = torch.optim.AdamW(model.parameters(), lr=0.04, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    for ids, offsets, y in DataLoader(train, batch_size=25, shuffle=True, collate_fn=collate):
        loss = nn.functional.cross_entropy(model(ids, offsets), y, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        v = sum(nn.functional.cross_entropy(model(i, o), y, label_smoothing=0.1).item() * len(y)
                for i, o, y in DataLoader(val, batch_size=100, collate_fn=collate)) / len(val)
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {v:.4f}")
print(f"final: val loss {v:.3f}, {time.process_time() - start:.1f} s of CPU time")
