"""Guess the (made-up) language of a word from its letters: convolutions of three widths, max over time."""
import collections
import os
import pickle

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 3
MAX_LEN = 12


def make_languages(rng, n_lang, n_letters=20):
    """Each language is a Markov chain over letters; the chains share a third of their habits."""
    shared = rng.dirichlet(np.full(n_letters, 0.5), n_letters)
    return [0.35 * shared + 0.65 * rng.dirichlet(np.full(n_letters, 0.3), n_letters) for _ in range(n_lang)]


def words(rng, languages, n):
    y = rng.integers(0, len(languages), n)
    x = np.zeros((n, MAX_LEN), dtype=np.int64)
    cum = np.stack([l.cumsum(1) for l in languages])
    letter = rng.integers(0, cum.shape[1], n)
    length = rng.integers(5, MAX_LEN + 1, n)
    for t in range(MAX_LEN):
        x[:, t] = np.where(t < length, letter + 1, 0)
        letter = np.minimum((cum[y, letter] < rng.random(n)[:, None]).sum(1), cum.shape[1] - 1)
    loan = rng.random(n) < 0.1                       # loan words
    y = np.where(loan, rng.integers(0, len(languages), n), y)
    return torch.from_numpy(x), torch.from_numpy(y)


class CharCNN(nn.Module):
    def __init__(self, n_letters=21, n_lang=5, dim=12, filters=32):
        super().__init__()
        self.embed = nn.Embedding(n_letters, dim, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(dim, filters, w, padding=w // 2) for w in (2, 3, 5)])
        self.dropout = nn.Dropout(0.1)
        self.fc = nn.Linear(3 * filters, n_lang)

    def forward(self, x):
        e = self.embed(x).transpose(1, 2)
        pooled = [F.relu(conv(e)).mean(dim=2) for conv in self.convs]
        return self.fc(self.dropout(torch.cat(pooled, dim=1)))


def run_epoch(model, x, y, optimizer=None, batch=128):
    train = optimizer is not None
    model.train(train)
    order = torch.randperm(len(x)) if train else torch.arange(len(x))
    loss_sum, correct = 0.0, 0
    with torch.set_grad_enabled(train):
        for idx in order.split(batch):
            logits = model(x[idx])
            loss = F.cross_entropy(logits, y[idx])
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(idx)
            correct += (logits.argmax(1) == y[idx]).sum().item()
    return loss_sum / len(x), correct / len(x)


def main(epochs=12):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    langs = make_languages(rng, 5)
    train, val = words(rng, langs, 9000), words(rng, langs, 1500)
    print("words per language:", dict(collections.Counter(train[1].tolist())))
    model = CharCNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.2e-2, weight_decay=1e-5)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        tl, ta = run_epoch(model, *train, optimizer)
        vl, va = run_epoch(model, *val)
        scheduler.step()
        print(f"epoch {epoch} train loss {tl:.4f} acc {ta:.3f} val loss {vl:.4f} acc {va:.3f}")


if __name__ == "__main__":
    main()
