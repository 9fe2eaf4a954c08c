import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold

X, y = load_breast_cancer(return_X_y=True)


class Fold:
    def __init__(self, train, val, epochs):
        mu, sd = X[train].mean(0), X[train].std(0)
        self.x, self.xv = (torch.tensor((X[i] - mu) / sd, dtype=torch.float32) for i in (train, val))
        self.y, self.yv = (torch.tensor(y[i], dtype=torch.float32) for i in (train, val))
        self.net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1), nn.Flatten(0))
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=3e-3, weight_decay=0.3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)
        self.loss = nn.BCEWithLogitsLoss()

    def epoch(self):
        self.net.train()
        for idx in torch.randperm(len(self.x)).split(32):
            self.opt.zero_grad()
            self.loss(self.net(self.x[idx]), self.y[idx]).backward()
            self.opt.step()
        self.sched.step()
        self.net.eval()
        with torch.no_grad():
            return self.loss(self.net(self.xv), self.yv).item()


def main(epochs=20):
    torch.manual_seed(53)
    splits = StratifiedKFold(5, shuffle=True, random_state=9).split(X, y)
    folds = [Fold(train, val, epochs) for train, val in splits]
    for epoch in range(epochs):
        losses = [fold.epoch() for fold in folds]
        print(f"epoch {epoch + 1} val loss {np.mean(losses):.4f} (folds {min(losses):.3f} to {max(losses):.3f})")
    print(f"final: val loss {np.mean(losses):.4f}")


main()
