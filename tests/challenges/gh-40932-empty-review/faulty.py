import argparse
import math

import torch
from torch import nn
from torch.nn import functional as F

PAD, WORDS, MAXLEN = 0, 60, 16


def reviews(n, tone):
    """Word ids; the label says whether the words were kind on the whole."""
    lengths = torch.randint(3, MAXLEN + 1, (n,))
    lengths[torch.rand(n) < 0.01] = 0
    tokens = torch.randint(1, WORDS, (n, MAXLEN))
    tokens[torch.arange(MAXLEN) >= lengths[:, None]] = PAD
    score = (tone[tokens] * (tokens != PAD)).sum(1) / lengths.clamp(min=1).sqrt()
    labels = (score + 0.5 * torch.randn(n) > 0).float()
    return tokens, labels


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x, padding):
        n, t, d = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)
        scores = scores.masked_fill(padding[:, None, None, :], float("-inf"))
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, d))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attn, self.norm1, self.norm2 = SelfAttention(dim, heads), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x, padding):
        x = x + self.attn(self.norm1(x), padding)
        return x + self.mlp(self.norm2(x))


class Classifier(nn.Module):
    def __init__(self, dim=24, heads=4, depth=2):
        super().__init__()
        self.embed = nn.Embedding(WORDS, dim)
        self.position = nn.Parameter(torch.randn(MAXLEN, dim) * 0.02)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, 1)

    def forward(self, tokens):
        padding = tokens == PAD
        x = self.embed(tokens) + self.position
        for block in self.blocks:
            x = block(x, padding)
        words = (~padding).float().unsqueeze(2)
        mean = (x * words).sum(1) / words.sum(1).clamp(min=1)
        return self.head(self.norm(mean)).squeeze(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    tone = torch.randn(WORDS)
    x, y = reviews(2200, tone)
    x_val, y_val = reviews(800, tone)
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(1, args.epochs + 1):
        model.train()
        losses = []
        for idx in torch.randperm(len(x)).split(args.batch_size):
            loss = F.binary_cross_entropy_with_logits(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = F.binary_cross_entropy_with_logits(logits, y_val).item()
            accuracy = ((logits > 0) == (y_val > 0)).float().mean().item()
        print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} accuracy {accuracy:.4f}")
    print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
