import copy

import torch
from torch import nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.bad, self.weights = patience, float("inf"), 0, None

    def update(self, loss, model):
        if loss < self.best - 1e-4:
            self.best, self.bad, self.weights = loss, 0, copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad >= self.patience


def main(epochs=60):
    torch.manual_seed(1)
    X, y = load_diabetes(return_X_y=True)
    xa, xb, ya, yb = train_test_split(X, y.reshape(-1, 1), test_size=0.3, random_state=4)
    sx, sy = StandardScaler().fit(xa), StandardScaler().fit(ya)
    xa, xb, ya, yb = [torch.tensor(v, dtype=torch.float32) for v in (sx.transform(xa), sx.transform(xb), sy.transform(ya), sy.transform(yb))]
    model = nn.Sequential(nn.Linear(10, 12), nn.Tanh(), nn.Linear(12, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.5)
    loss_fn = nn.MSELoss()
    stopper = EarlyStopping(patience=8)
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(xa)).split(16):
            optimizer.zero_grad()
            loss = loss_fn(model(xa[idx]), ya[idx])
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val = loss_fn(model(xb), yb).item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f}")
        if stopper.update(val, model):
            break
    model.load_state_dict(stopper.weights)
    with torch.no_grad():
        print(f"final: val loss {loss_fn(model(xb), yb).item():.4f}")


main()
