"""Code or prose? Lines of the standard library, read letter by letter."""
import argparse
import ast
import inspect
import random
import textwrap

import torch
import torch.nn as nn

torch.manual_seed(17)
random.seed(17)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,:;()[]{}=+-*/_'\"<>!%#"
LENGTH = 24


def lines_of(module):
    source = inspect.getsource(module)
    rows = source.splitlines()
    prose, code = [], []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            prose += (ast.get_docstring(node) or "").splitlines()
        elif isinstance(node, ast.stmt):
            code.append(rows[node.lineno - 1])
    return [(p.strip(), 1) for p in prose if len(p) > 20] + [(c.strip(), 0) for c in code if len(c) > 20]


def encode(text):
    ids = [LETTERS.find(c) + 2 if c in LETTERS else 1 for c in text.lower()[:LENGTH]]
    return ids + [0] * (LENGTH - len(ids))


examples = [e for m in (argparse, random, textwrap, inspect) for e in lines_of(m)]
random.shuffle(examples)
prose = [e for e in examples if e[1]][:420]
code = [e for e in examples if not e[1]][:420]
examples = prose + code
random.shuffle(examples)
x = torch.tensor([encode(text) for text, _ in examples])
y = torch.tensor([label for _, label in examples])
flipped = torch.rand(len(y)) < 0.12
y = torch.where(flipped, 1 - y, y)
n = len(y) * 2 // 3


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS) + 2, 12, padding_idx=0)
        self.drop = nn.Dropout(0.4)
        self.lstm = nn.LSTM(12, 16, batch_first=True, bidirectional=True)
        self.out = nn.Linear(32, 1)

    def forward(self, ids):
        states, _ = self.lstm(self.drop(self.embed(ids)))
        return self.out(self.drop(states.amax(1)))[:, 0]


net = Reader()
epochs = 24
optimizer = torch.optim.AdamW(net.parameters(), lr=8e-3, weight_decay=0.2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(epochs):
    net.train()
    for i in torch.randperm(n).split(28):
        loss = loss_fn(net(x[i]), y[i].float())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        z = net(x[n:])
        val_loss = loss_fn(z, y[n:].float()).item()
        acc = ((z > 0) == (y[n:] == 1)).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} acc {acc:.3f}")
print(f"final: val loss {val_loss:.4f}, accuracy {acc:.3f}")
