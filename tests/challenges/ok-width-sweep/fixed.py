import torch
from torch import nn
from sklearn.datasets import make_friedman1

torch.manual_seed(18)
X, y = make_friedman1(2400, n_features=8, noise=1.5, random_state=2)
X = torch.tensor(X * 12 ** 0.5 - 3 ** 0.5, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
y = (y - y[:1800].mean()) / y[:1800].std()
epochs = 20


def fit(width, lr):
    net = nn.Sequential(nn.Linear(8, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1), nn.Flatten(0))
    opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=epochs * 30)
    for epoch in range(epochs):
        net.train()
        for rows in torch.randperm(1800).split(60):
            loss = nn.functional.mse_loss(net(X[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
        net.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(net(X[1800:]), y[1800:]).item()
        print(f"epoch {epoch + 1} width {width} lr {lr} loss {loss.item():.4f} val loss {val:.4f}")
    return val


results = {(w, lr): fit(w, lr) for w in (12, 24) for lr in (3e-3, 6e-3)}
(w, lr), best = min(results.items(), key=lambda item: item[1])
print(f"final: val loss {best:.4f} with width {w} and rate {lr}")
