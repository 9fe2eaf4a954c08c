# two-layer classifier without nn or optim: tensors, matmul and a hand-written step
import torch
from sklearn.datasets import load_digits

torch.manual_seed(36)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train, val = order[:1300], order[1300:]
x = (x - x[train].mean()) / x[train].std()
x = x + 0.9 * torch.randn(x.shape)

w1 = torch.randn(64, 40) * (2 / 64) ** 0.5
b1 = torch.zeros(40)
w2 = torch.randn(40, 10) * (1 / 40) ** 0.5
b2 = torch.zeros(10)
params = [w1, b1, w2, b2]
for p in params:
    p.requires_grad_()
velocity = [torch.zeros_like(p) for p in params]


def model(x):
    return torch.relu(x @ w1 + b1) @ w2 + b2


def cross_entropy(z, y):
    return (torch.logsumexp(z, 1) - z[torch.arange(len(y)), y]).mean()


epochs = 16
rate, decay, mu = 0.03, 2e-2, 0.9
for epoch in range(epochs):
    lr = rate * (1 - epoch / epochs)
    total = 0.0
    for i in train[torch.randperm(len(train))].split(26):
        loss = cross_entropy(model(x[i]), y[i])
        loss.backward()
        with torch.no_grad():
            for p, v in zip(params, velocity):
                v.mul_(mu).add_(p.grad + (decay * p if p.dim() == 2 else 0))
                p.sub_(lr * v)
                p.grad = None
        total += loss.item() * len(i) / len(train)
    with torch.no_grad():
        z = model(x[val])
        vl = cross_entropy(z, y[val]).item()
        right = (z.argmax(1) == y[val]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total:.4f}, val loss {vl:.4f}, right {right:.3f}")
print(f"final: val loss {vl:.4f}, right {right:.3f}")
