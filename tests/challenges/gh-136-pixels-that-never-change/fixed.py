import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(15)
data = load_digits()
images = torch.tensor(data.data, dtype=torch.float32)
target = torch.tensor(data.target)
mean = images.mean(0)
std = images.std(0)
std[std == 0] = 1
images = (images - mean) / std
shuffled = torch.randperm(len(images))
tr, va = shuffled[:1300], shuffled[1300:]

w1 = (torch.randn(64, 80) * (2 / 64) ** 0.5).requires_grad_()
b1 = torch.zeros(80, requires_grad=True)
w2 = (torch.randn(80, 10) * (1 / 80) ** 0.5).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)


def net(x, p=0.0):
    h = F.dropout(F.relu(x @ w1 + b1), p, training=p > 0)
    return h @ w2 + b2


epochs = 25
sgd = torch.optim.SGD([{"params": [w1, w2], "weight_decay": 1e-3}, {"params": [b1, b2]}], lr=0.05, momentum=0.9, nesterov=True)
plan = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, epochs)
for epoch in range(epochs):
    for rows in tr[torch.randperm(len(tr))].split(50):
        loss = F.cross_entropy(net(images[rows], 0.3), target[rows], label_smoothing=0.1)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    plan.step()
    with torch.no_grad():
        scores = net(images[va])
        val = F.cross_entropy(scores, target[va], label_smoothing=0.1).item()
        acc = (scores.argmax(1) == target[va]).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.3f} val loss {val:.4f} acc {acc:.3f}")
print(f"final: val loss {val:.4f}, accuracy {acc:.3f}")
