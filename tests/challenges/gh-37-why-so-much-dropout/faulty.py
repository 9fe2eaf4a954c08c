import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


def parse_args():
    parser = argparse.ArgumentParser(description="GRU that tells families of programs apart by their system calls")
    parser.add_argument("--dropout", type=float, default=0.9)
    parser.add_argument("--cell-size", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=11)
    return parser.parse_args()


class GRUClassifier(nn.Module):
    def __init__(self, calls, families, args):
        super().__init__()
        self.embed = nn.Embedding(calls, 20)
        self.dropout = nn.Dropout(args.dropout)
        self.gru = nn.GRU(20, args.cell_size, batch_first=True)
        self.dense = nn.Linear(args.cell_size, families)

    def forward(self, trace):
        _, last = self.gru(self.dropout(self.embed(trace)))
        return self.dense(self.dropout(last[0]))


def traces(n, programs, length=18):
    """each family jumps between 24 system calls in its own manner"""
    family = torch.randint(len(programs), (n,))
    calls = [torch.randint(24, (n,))]
    for _ in range(length - 1):
        calls.append(torch.multinomial(programs[family, calls[-1]], 1)[:, 0])
    mistaken = torch.rand(n) < 0.15
    return torch.stack(calls, 1), torch.where(mistaken, torch.randint(len(programs), (n,)), family)


def main(args):
    torch.manual_seed(args.seed)
    programs = torch.softmax(1.5 * torch.randn(6, 24, 24), 2)
    x_train, y_train = traces(3000, programs)
    x_test, y_test = traces(900, programs)
    model = GRUClassifier(24, 6, args)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(len(x_train)).split(75):
            loss = F.multi_margin_loss(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            out = model(x_test)
        val = F.multi_margin_loss(out, y_test).item()
        accuracy = (out.argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f} accuracy {accuracy:.3f}")
    print(f"final: val loss {val:.4f}, accuracy {accuracy:.3f}")


main(parse_args())
