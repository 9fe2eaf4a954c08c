"""Link prediction on a small knowledge graph with ComplEx-like scores and an early stopper."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class EarlyStopper:
    """Stops when the loss has not improved for `patience` evaluations, one every `frequency` epochs."""

    def __init__(self, frequency=1, patience=2, relative_delta=0.0):
        self.frequency, self.patience, self.relative_delta = frequency, patience, relative_delta
        self.best, self.remaining = float("inf"), patience

    def should_stop(self, epoch, loss):
        if epoch % self.frequency:
            return False
        if loss < self.best * (1 - self.relative_delta):
            self.best, self.remaining = loss, self.patience
            return False
        self.remaining -= 1
        return self.remaining <= 0


class Bilinear(nn.Module):
    def __init__(self, entities, relations, dim=16):
        super().__init__()
        self.head = nn.Embedding(entities, dim)
        self.tail = nn.Embedding(entities, dim)
        self.relation = nn.Embedding(relations, dim)
        for table in (self.head, self.tail, self.relation):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, triples):
        h, r, t = triples.T
        return (self.head(h) * self.relation(r) * self.tail(t)).sum(-1)


def knowledge_graph(entities=80, relations=6, seed=0):
    """every relation links entities of one kind to entities of another"""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 8, entities)
    allowed = rng.random((relations, 8, 8)) < 0.3
    h, r, t = np.meshgrid(np.arange(entities), np.arange(relations), np.arange(entities), indexing="ij")
    true = allowed[r, kind[h], kind[t]] ^ (rng.random(h.shape) < 0.08)
    triples = np.stack([h, r, t], -1).reshape(-1, 3)
    pick = rng.permutation(len(triples))[:34000]
    triples, labels = torch.tensor(triples[pick]), torch.tensor(true.reshape(-1)[pick], dtype=torch.float32)
    return (triples[:28000], labels[:28000]), (triples[28000:], labels[28000:])


def train(model, training, validation, stopper, epochs=160, batch_size=512, lr=0.015):
    optimizer = torch.optim.Adagrad(model.parameters(), lr=lr)
    triples, labels = training
    for epoch in range(1, epochs + 1):
        total = 0.0
        for index in torch.randperm(len(triples)).split(batch_size):
            optimizer.zero_grad()
            scores = model(triples[index])
            loss = F.binary_cross_entropy_with_logits(scores, labels[index])
            regularizer = 0.004 * sum(p.pow(2).sum() for p in model.parameters()) / len(triples)
            (loss + regularizer).backward()
            optimizer.step()
            total += loss.item() * len(index)
        with torch.no_grad():
            scores = model(validation[0])
            val_loss = F.binary_cross_entropy_with_logits(scores, validation[1]).item()
            hits = ((scores > 0) == validation[1].bool()).float().mean().item()
        print(f"epoch {epoch} train loss {total / len(triples):.4f} val loss {val_loss:.4f} triple accuracy {hits:.3f}")
        if stopper.should_stop(epoch, val_loss):
            print("stopped early at epoch", epoch)
            break


if __name__ == "__main__":
    torch.manual_seed(5)
    training, validation = knowledge_graph()
    train(Bilinear(80, 6), training, validation, EarlyStopper(relative_delta=0.01))
