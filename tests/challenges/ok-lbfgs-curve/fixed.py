import torch
import torch.nn as nn

torch.manual_seed(20)
t = torch.rand(400, 1) * 2 - 1
y = torch.sin(3 * t) + 0.5 * t ** 2 + 0.3 * torch.randn(400, 1)
order = torch.randperm(400)
train, val = order[:280], order[280:]
scale = t[train].std()
t = t / scale

net = nn.Sequential(nn.Linear(1, 10), nn.Tanh(), nn.Linear(10, 1))
optimizer = torch.optim.LBFGS(net.parameters(), lr=1, max_iter=4, history_size=10, line_search_fn="strong_wolfe")
decay = 1e-3


def closure():
    optimizer.zero_grad()
    fit = (net(t[train]) - y[train]).square().mean()
    loss = fit + decay * sum(p.square().sum() for p in net.parameters()) / 2
    loss.backward()
    return loss


epochs = 25
for epoch in range(epochs):
    loss = optimizer.step(closure)
    with torch.no_grad():
        v = (net(t[val]) - y[val]).square().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f}")
