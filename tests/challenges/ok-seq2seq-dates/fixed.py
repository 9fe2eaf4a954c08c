"""Turns '7 mar 1998' into '1998-03-07' letter by letter: GRU encoder, GRU decoder with dot attention."""
import calendar
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

LETTERS = "_<>0123456789-, " + "abcdefghijklmnopqrstuvwxyz"
INDEX = {c: i for i, c in enumerate(LETTERS)}
MONTHS = [m.lower() for m in calendar.month_abbr[1:]]


def example(r):
    y, m, d = r.randint(1900, 2029), r.randint(1, 12), r.randint(1, 28)
    month = MONTHS[m - 1]
    forms = (f"{d} {month} {y}", f"{month} {d}, {y}", f"{d}-{m}-{y}")
    source = list(r.choice(forms))
    if r.random() < 0.5:
        i = r.randrange(len(source))
        source[i] = r.choice("abcdefghijklmnopqrstuvwxyz0123456789")     # a slip of the pen
    return "".join(source), f"<{y:04d}-{m:02d}-{d:02d}>"


def tensor(lines):
    width = max(map(len, lines))
    return torch.tensor([[INDEX[c] for c in s.ljust(width, "_")] for s in lines])


class Translator(nn.Module):
    def __init__(self, dim=24, hidden=48):
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), dim, padding_idx=0)
        self.encoder = nn.GRU(dim, hidden // 2, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(hidden, hidden)
        self.decoder = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, len(LETTERS))

    def forward(self, source, previous):
        memory, last = self.encoder(self.embed(source))
        start = torch.tanh(self.bridge(torch.cat([last[0], last[1]], 1)))[None]
        state, _ = self.decoder(self.embed(previous), start)
        scores = state @ memory.transpose(1, 2) / memory.shape[2] ** 0.5
        weights = scores.masked_fill((source == 0)[:, None], -1e9).softmax(-1)
        return self.out(torch.cat([state, weights @ memory], -1))


def main(epochs=9):
    torch.manual_seed(50)
    r = random.Random(50)
    pairs = [example(r) for _ in range(3000)]
    source, target = tensor([p[0] for p in pairs]), tensor([p[1] for p in pairs])
    train, val = slice(0, 2400), slice(2400, 3000)
    model = Translator()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.2e-2)
    steps = 2400 // 40 * epochs
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / 60, 1.0) * max(1 - s / steps, 0.01))
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for i in torch.randperm(2400).split(40):
            logits = model(source[train][i], target[train][i, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), target[train][i, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(i) / 2400
        model.eval()
        with torch.no_grad():
            logits = model(source[val], target[val][:, :-1])
            v = F.cross_entropy(logits.flatten(0, 1), target[val][:, 1:].flatten()).item()
        print(f"epoch {epoch + 1} loss {total:.4f} val loss {v:.4f}")
    with torch.no_grad():
        said = target[val][:, :1]
        for _ in range(target.shape[1] - 1):
            said = torch.cat([said, model(source[val], said)[:, -1:].argmax(-1)], 1)
        right = (said == target[val]).all(1).float().mean().item()
    print(f"final: val loss {v:.4f}, dates wholly right {right:.3f} (half of the inputs have a slip)")


main()
