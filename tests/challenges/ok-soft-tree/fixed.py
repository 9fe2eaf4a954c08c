"""A soft decision tree (Frosst and Hinton 2017) learned by gradient descent: no hidden layers, only gates and leaves."""
import argparse

import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int, default=4)
parser.add_argument("--epochs", type=int, default=16)
parser.add_argument("--lr", type=float, default=0.02)
parser.add_argument("--balance", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=7)
args, _ = parser.parse_known_args()
torch.manual_seed(args.seed)


class SoftTree(nn.Module):
    def __init__(self, features, classes, depth):
        super().__init__()
        self.depth = depth
        self.gates = nn.Linear(features, 2 ** depth - 1)
        self.sharpness = nn.Parameter(torch.ones(2 ** depth - 1))
        self.leaves = nn.Parameter(torch.zeros(2 ** depth, classes))

    def forward(self, x):
        right = torch.sigmoid(self.sharpness * self.gates(x))
        reach = torch.ones(len(x), 1)
        penalty = 0.0
        first = 0
        for level in range(self.depth):
            gate = right[:, first:first + 2 ** level]
            share = (reach * gate).sum(0) / reach.sum(0).clamp_min(1e-6)
            penalty = penalty - 0.5 ** level * (0.5 * (share.clamp(1e-4, 1 - 1e-4).log() + (1 - share).clamp(1e-4, 1).log())).sum()
            reach = torch.stack([reach * (1 - gate), reach * gate], dim=2).flatten(1)
            first += 2 ** level
        return torch.log(reach @ self.leaves.softmax(1) + 1e-9), penalty


X, y = make_classification(7000, 16, n_informative=8, n_redundant=2, n_classes=4, n_clusters_per_class=2, class_sep=1.6,
                           flip_y=0.05, random_state=args.seed)
X, Xv, y, yv = train_test_split(X, y, test_size=0.3, random_state=0)
mean, std = X.mean(0), X.std(0)
X, Xv = (torch.tensor((a - mean) / std, dtype=torch.float32) for a in (X, Xv))
y, yv = torch.tensor(y), torch.tensor(yv)

tree = SoftTree(X.shape[1], 4, args.depth)
nll = nn.NLLLoss()
optimizer = torch.optim.RMSprop(tree.parameters(), lr=args.lr, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=args.epochs)

for epoch in range(1, args.epochs + 1):
    tree.train()
    total = 0.0
    for rows in torch.randperm(len(X)).split(100):
        log_p, penalty = tree(X[rows])
        loss = nll(log_p, y[rows])
        optimizer.zero_grad()
        (loss + args.balance * penalty / len(rows)).backward()
        optimizer.step()
        total += loss.item() * len(rows)
    scheduler.step()
    tree.eval()
    with torch.no_grad():
        log_p, _ = tree(Xv)
        print(f"epoch {epoch} train loss {total / len(X):.4f} val loss {nll(log_p, yv):.4f} "
              f"val accuracy {(log_p.argmax(1) == yv).float().mean():.3f}")
