"""Named entities in short posts: words and one vector of the attached picture, Twitter style."""
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

TAGS = ["O", "PER", "LOC", "ORG", "PROD"]
WORDS = 90


def set_seed(seed=4):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def make_posts(n, rng):
    """words 0..49 are plain, 50..69 one kind of name each, 70..89 names whose kind only picture and left neighbour tell"""
    words = rng.integers(0, 50, (n, 14))
    names = rng.random((n, 14)) < 0.35
    words[names] = rng.integers(50, WORDS, names.sum())
    topic = rng.integers(0, 4, n)
    picture = np.eye(4)[topic] @ np.random.RandomState(0).randn(4, 20) + rng.normal(0, 0.8, (n, 20))
    tags = np.zeros((n, 14), dtype=np.int64)
    clear = (words >= 50) & (words < 70)
    tags[clear] = 1 + words[clear] % 4
    left = np.roll(words, 1, axis=1)
    left[:, 0] = 0
    open_ = words >= 70
    kind = 1 + (topic[:, None] + (left % 2)) % 4
    tags[open_] = kind[open_]
    careless = rng.random(tags.shape) < 0.04
    tags[careless] = rng.integers(0, 5, careless.sum())
    return torch.tensor(words), torch.tensor(picture, dtype=torch.float32), torch.tensor(tags)


class TaggerWithPicture(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.text_embed = nn.Embedding(WORDS, 16)
        self.text_rnn = nn.GRU(32, hidden, batch_first=True, bidirectional=True)
        self.visual_proj = nn.Sequential(nn.Linear(20, 16), nn.Tanh())
        self.fc = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, words, picture):
        seen = self.visual_proj(picture).unsqueeze(1).expand(-1, words.size(1), -1)
        states, _ = self.text_rnn(torch.cat([self.text_embed(words), seen], dim=-1))
        return self.fc(states)


class Trainer:
    def __init__(self, model, train, val, text_lr=4e-3, visual_lr=4e-3, fc_lr=1e-2, batch_size=32, epochs=14):
        self.model, self.train_data, self.val_data = model, train, val
        self.text_lr, self.visual_lr, self.fc_lr = text_lr, visual_lr, fc_lr
        self.batch_size, self.epochs = batch_size, epochs
        self.multimodal_before_train()

    def multimodal_before_train(self):
        parameters = []
        params = {"lr": self.text_lr, "weight_decay": 1e-2, "params": []}
        for name, param in self.model.named_parameters():
            if name.startswith("text"):
                params["params"].append(param)
        parameters.append(params)

        params = {"lr": self.visual_lr, "weight_decay": 1e-2, "params": []}
        for name, param in self.model.named_parameters():
            if name.startswith("visual"):
                params["params"].append(param)
        parameters.append(params)

        params = {"lr": self.fc_lr, "weight_decay": 1e-2, "params": []}
        for name, param in self.model.named_parameters():
            if name.startswith("fc"):
                params["params"].append(param)
        self.optimizer = torch.optim.AdamW(parameters)

    def step(self, index):
        words, picture, tags = (t[index] for t in self.train_data)
        loss = F.cross_entropy(self.model(words, picture).flatten(0, 1), tags.flatten())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def evaluate(self):
        self.model.eval()
        words, picture, tags = self.val_data
        with torch.no_grad():
            scores = self.model(words, picture)
            loss = F.cross_entropy(scores.flatten(0, 1), tags.flatten()).item()
        guess = scores.argmax(-1)
        hits = ((guess == tags) & (tags > 0)).sum().item()
        f1 = 2 * hits / max((guess > 0).sum().item() + (tags > 0).sum().item(), 1)
        return loss, f1

    def train(self):
        for epoch in range(1, self.epochs + 1):
            self.model.train()
            order = torch.randperm(len(self.train_data[0]))
            losses = [self.step(index) for index in order.split(self.batch_size)]
            val_loss, f1 = self.evaluate()
            print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} f1 {f1:.3f}")


if __name__ == "__main__":
    set_seed()
    rng = np.random.default_rng(12)
    trainer = Trainer(TaggerWithPicture(), make_posts(2000, rng), make_posts(400, rng))
    trainer.train()
