"""Routes support messages (already tokenised to ids) to one of five teams with a small transformer."""
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=10)
    p.add_argument("--batch_size", type=int, default=32)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--warmup", type=float, default=0.1)
    p.add_argument("--seed", type=int, default=7)
    return p.parse_args()


def messages(n, gen):
    """20 tokens out of 120; a team is told by which of its words comes after one of its openers"""
    y = torch.randint(0, 5, (n,), generator=gen)
    x = torch.randint(20, 120, (n, 20), generator=gen)
    where = torch.rand(n, 20, generator=gen).argsort(1)[:, :3]
    for j in range(3):
        word = 1 + 3 * y + torch.randint(0, 3, (n,), generator=gen)
        stray = torch.randint(1, 16, (n,), generator=gen)
        word = torch.where(torch.rand(n, generator=gen) < 0.35, stray, word)
        x[torch.arange(n), where[:, j]] = word
    return x, y


class Router(nn.Module):
    def __init__(self, vocab=120, d=32, length=20):
        super().__init__()
        self.tok = nn.Embedding(vocab, d)
        self.pos = nn.Parameter(0.02 * torch.randn(1, length, d))
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)
        self.cls = nn.Linear(d, 5)

    def forward(self, ids):
        h = self.enc(self.tok(ids) + self.pos)
        return self.cls(self.norm(h).mean(1))


def linear_schedule(optimizer, warmup_steps, total_steps):
    def factor(step):
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        return max(0.0, (total_steps - step) / max(1, total_steps - warmup_steps))
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    loss, right, n = 0.0, 0, 0
    for ids, y in loader:
        out = model(ids)
        loss += F.cross_entropy(out, y, reduction="sum").item()
        right += (out.argmax(1) == y).sum().item()
        n += len(y)
    return loss / n, right / n


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    gen = torch.Generator().manual_seed(11)
    train = DataLoader(TensorDataset(*messages(2400, gen)), batch_size=args.batch_size, shuffle=True)
    val = DataLoader(TensorDataset(*messages(800, gen)), batch_size=200)
    model = Router()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    total = len(train)
    scheduler = linear_schedule(optimizer, math.ceil(args.warmup * total), total)
    for epoch in range(1, args.epochs + 1):
        model.train()
        seen = 0.0
        for ids, y in train:
            loss = F.cross_entropy(model(ids), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            seen += loss.item()
        vloss, vacc = evaluate(model, val)
        print(f"epoch {epoch} train loss {seen / len(train):.4f} val loss {vloss:.4f} val accuracy {vacc:.3f}")


if __name__ == "__main__":
    main()
