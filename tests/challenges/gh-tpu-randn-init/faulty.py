import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.norm2(x))


class TinyGPT(nn.Module):
    def __init__(self, vocab, length, dim=32, depth=2, heads=2):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(length, dim)
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm, self.lm_head = nn.LayerNorm(dim), nn.Linear(dim, vocab)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.normal_(p)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1]))
        return self.lm_head(self.norm(self.blocks(x)))


def texts(n, length, table):
    out = torch.randint(0, table.shape[0], (n, length))
    for t in range(1, length):
        out[:, t] = torch.multinomial(table[out[:, t - 1]], 1).squeeze(1)
    return out


def loss_of(model, batch):
    logits = model(batch[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    torch.manual_seed(90)
    table = torch.softmax(2.0 * torch.randn(24, 24), 1)
    train, val = texts(1000, 21, table), texts(300, 21, table)
    model = TinyGPT(24, 20)
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    steps = args.epochs * math.ceil(len(train) / 25)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1, (s + 1) / 20) * max(0.02, 1 - s / steps))
    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(len(train)).split(25):
            loss = loss_of(model, train[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
        model.eval()
        with torch.no_grad():
            vl = loss_of(model, val).item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {vl:.4f}")
    print(f"final: val loss {vl:.4f}")


main()
