import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=9)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--lr", type=float, default=0.02)
parser.add_argument("--hidden", type=int, default=16)
args = parser.parse_args()
torch.manual_seed(args.seed)


def citation_graph(n=600, topics=4, words=40):
    y = torch.arange(n) % topics
    same = (y[:, None] == y[None]).float()
    adjacency = (torch.rand(n, n) < 0.012 * same + 0.005 * (1 - same)).float().triu(1)
    adjacency = adjacency + adjacency.T + torch.eye(n)
    d = adjacency.sum(1).rsqrt()
    x = 0.45 * torch.randn(topics, words)[y] + torch.randn(n, words)
    return x, y, d[:, None] * adjacency * d[None]


class GraphConvolution(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, a):
        return a @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, n_feat, n_hidden, n_class, n_layers=2, dropout=0.5):
        super().__init__()
        sizes = [n_feat] + [n_hidden] * (n_layers - 1) + [n_class]
        self.convs = nn.ModuleList(GraphConvolution(i, o) for i, o in zip(sizes, sizes[1:]))
        self.dropout = dropout

    def forward(self, x, a):
        for conv in self.convs[:-1]:
            x = F.dropout(F.relu(conv(x, a)), self.dropout, self.training)
        return self.convs[-1](x, a)


x, y, a = citation_graph()
order = torch.randperm(len(y))
train, val, test = order[:200], order[200:400], order[400:]
model = GCN(x.size(1), args.hidden, 4)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=4e-2)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
for epoch in range(args.epochs):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x, a)[train], y[train])
    loss.backward()
    optimizer.step()
    schedule.step()
    model.eval()
    with torch.no_grad():
        out = model(x, a)
    print(f"epoch {epoch} loss {loss.item():.4f} val loss {F.cross_entropy(out[val], y[val]).item():.4f}")
print(f"final: test accuracy {(out[test].argmax(1) == y[test]).float().mean().item():.3f}")
