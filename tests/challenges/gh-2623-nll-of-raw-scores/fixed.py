import argparse
import string

import torch
from torch import nn

LETTERS = string.ascii_lowercase + " "


class NameMaker:
    """names of five invented languages, each a chain of letters"""

    def __init__(self):
        self.first = torch.softmax(1.3 * torch.randn(5, 26), 1)
        self.next = torch.softmax(1.1 * torch.randn(5, 26, 26), 2)
        self.share = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])

    def draw(self, n, length=9):
        lang = torch.multinomial(self.share, n, replacement=True)
        name = torch.zeros(n, length, dtype=torch.long)
        name[:, 0] = torch.multinomial(self.first[lang], 1).squeeze(1)
        for t in range(1, length):
            name[:, t] = torch.multinomial(self.next[lang, name[:, t - 1]], 1).squeeze(1)
        return name, lang


class CharGRU(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), 12)
        self.rnn = nn.GRU(12, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 5)
        self.last = nn.LogSoftmax(dim=1)

    def forward(self, name):
        _, h = self.rnn(self.embed(name))
        return self.last(self.out(h[-1]))


def main(args):
    torch.manual_seed(args.seed)
    maker = NameMaker()
    x, y = maker.draw(4000)
    xv, yv = maker.draw(1200)
    model = CharGRU()
    criterion = nn.NLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(64):
            model.zero_grad()
            loss = criterion(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
            val = criterion(out, yv).item()
            acc = (out.argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f} val accuracy {acc:.4f}")
    print(f"final: val loss {val:.4f}, val accuracy {acc:.4f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=13)
    p.add_argument("--lr", type=float, default=6e-3)
    p.add_argument("--seed", type=int, default=27)
    main(p.parse_args())
