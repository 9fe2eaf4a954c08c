import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=36)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--temperature", type=float, default=0.01)
parser.add_argument("--lr", type=float, default=1e-2)
parser.add_argument("--seed", type=int, default=2)
args = parser.parse_args()
torch.manual_seed(args.seed)

TOPICS, WORDS, LENGTH = 25, 300, 16


def sentences(topic_mix, language):
    """Words drawn from the topics of a text; the two sides have vocabularies of their own."""
    return torch.multinomial(topic_mix @ language, LENGTH, replacement=True)


def corpus(n, languages):
    mix = torch.distributions.Dirichlet(torch.full((TOPICS,), 0.15)).sample((n,))
    return [sentences(mix, language) for language in languages]


class Tower(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, 64, mode="mean")
        self.project = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, dim))

    def forward(self, tokens):
        return F.normalize(self.project(self.words(tokens)), dim=1)


class InfoNCE(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, a, b):
        similarity = torch.exp(a @ b.T / self.temperature)
        positive = similarity.diagonal()
        return -torch.log(positive / similarity.sum(dim=1)).mean()


languages = [torch.distributions.Dirichlet(torch.full((WORDS,), 0.04)).sample((TOPICS,)) for _ in range(2)]
val_q, val_a = corpus(640, languages)
questions, answers = Tower(), Tower()
criterion = InfoNCE(args.temperature)
optimizer = torch.optim.Adam([*questions.parameters(), *answers.parameters()], lr=args.lr)

schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
for epoch in range(1, args.epochs + 1):
    losses = []
    train_q, train_a = corpus(4800, languages)
    for q, a in zip(train_q.split(args.batch_size), train_a.split(args.batch_size)):
        loss = criterion(questions(q), answers(a))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    with torch.no_grad():
        q, a = questions(val_q), answers(val_a)
        val = torch.stack([criterion(x, y) for x, y in zip(q.split(64), a.split(64))]).mean().item()
        hit = torch.cat([(x @ y.T).argmax(1) == torch.arange(64) for x, y in zip(q.split(64), a.split(64))]).float().mean().item()
    print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val:.4f} hit rate {hit:.3f}")
