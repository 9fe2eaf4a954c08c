"""Language model of letters on the docstrings of the standard library."""
import argparse
import inspect
import logging
import optparse
import random
import shutil
import subprocess
import tarfile
import threading
import unittest.mock

import torch
from torch import nn

config = {"optimizer": "Adam", "lr": 0.01, "clip": 0.25, "hidden": 48, "bptt": 32, "batch": 24}
torch.manual_seed(10)


def corpus():
    modules = (argparse, logging, optparse, shutil, subprocess, tarfile, threading, unittest.mock)
    things = [thing for m in modules for thing in vars(m).values() if inspect.isclass(thing) or inspect.isfunction(thing)]
    docs = sorted({inspect.getdoc(t) or "" for thing in things for t in [thing, *vars(thing).values()]
                   if inspect.isroutine(t) or inspect.isclass(t)})
    random.Random(torch.randint(1000, ()).item()).shuffle(docs)
    text = " ".join(" ".join(docs).lower().split())[:42000]
    letters = sorted({c for c in text if c.isalpha() or c in " .,"})
    index = {c: i for i, c in enumerate(letters)}
    return torch.tensor([index[c] for c in text if c in index]), len(letters)


class RNNModel(nn.Module):
    def __init__(self, n_tokens, hidden):
        super().__init__()
        self.drop = nn.Dropout(0.3)
        self.encoder = nn.Embedding(n_tokens, 24)
        self.rnn = nn.LSTM(24, hidden)
        self.decoder = nn.Linear(hidden, n_tokens)

    def forward(self, tokens, state=None):
        out, state = self.rnn(self.drop(self.encoder(tokens)), state)
        return self.decoder(self.drop(out)), state


def batchify(data, size):
    n = len(data) // size
    return data[:n * size].view(size, n).t().contiguous()


def evaluate(model, source):
    model.eval()
    with torch.no_grad():
        out, _ = model(source[:-1])
    return nn.functional.cross_entropy(out.flatten(0, 1), source[1:].flatten()).item()


data, n_tokens = corpus()
cut = len(data) * 3 // 4
train_data, val_data = batchify(data[:cut], config["batch"]), batchify(data[cut:], 10)
model = RNNModel(n_tokens, config["hidden"])
epochs = 12
optimizer = getattr(torch.optim, config["optimizer"])(model.parameters(), lr=config["lr"])
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    state, total, steps = None, 0.0, 0
    for i in range(0, len(train_data) - 1, config["bptt"]):
        source = train_data[i:i + config["bptt"]]
        target = train_data[i + 1:i + 1 + config["bptt"]]
        out, state = model(source[:len(target)], state)
        state = tuple(s.detach() for s in state)
        loss = nn.functional.cross_entropy(out.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config["clip"])
        optimizer.step()
        total += loss.item()
        steps += 1
    scheduler.step()
    val_loss = evaluate(model, val_data)
    print(f"epoch {epoch} train loss {total / steps:.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, bits a letter {val_loss / 0.6931:.3f}")
