import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class TinyGPT(nn.Module):
    def __init__(self, n_vocab, n_ctx, n_embd=32, n_head=4, n_layer=2):
        super().__init__()
        self.tokens = nn.Embedding(n_vocab, n_embd)
        self.positions = nn.Embedding(n_ctx, n_embd)
        self.h = nn.ModuleList(
            nn.TransformerEncoderLayer(n_embd, n_head, 2 * n_embd, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
            for _ in range(n_layer))
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, n_vocab)
        self.register_buffer("mask", torch.triu(torch.full((n_ctx, n_ctx), float("-inf")), 1))

    def forward(self, ids):
        x = self.tokens(ids) + self.positions.weight
        for block in self.h:
            x = block(x, src_mask=self.mask, is_causal=True)
        return self.lm_head(self.ln_f(x))


def stories(n, length, vocab, table):
    """the next word depends on the last one and sometimes repeats the one before it"""
    ids = torch.randint(0, vocab, (n, length + 1))
    for t in range(2, length + 1):
        follow = torch.multinomial(table[ids[:, t - 1]], 1).squeeze(1)
        ids[:, t] = torch.where(torch.rand(n) < 0.4, ids[:, t - 2], follow)
    return ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--train_batch_size", type=int, default=32)
    parser.add_argument("--learning_rate", type=float, default=3e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    table = torch.softmax(2.5 * torch.randn(20, 20), 1)
    train, val = stories(1300, 14, 20, table), stories(300, 14, 20, table)
    loader = DataLoader(TensorDataset(train), batch_size=args.train_batch_size, shuffle=True)
    model = TinyGPT(20, 14)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.learning_rate, total_steps=args.epochs * len(loader), pct_start=0.1)
    for epoch in range(args.epochs):
        model.train()
        exp_average_loss = None
        for (ids,) in loader:
            logits = model(ids[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
            exp_average_loss = loss.item() if exp_average_loss is None else 0.9 * exp_average_loss + 0.1 * loss.item()
        model.eval()
        with torch.no_grad():
            val_loss = F.cross_entropy(model(val[:, :-1]).flatten(0, 1), val[:, 1:].flatten()).item()
        print(f"epoch {epoch + 1} training loss {exp_average_loss:.3f} val loss {val_loss:.3f}")
    print(f"final: val loss {val_loss:.3f} (guessing: {torch.log(torch.tensor(20.)):.3f})")


if __name__ == "__main__":
    main()
