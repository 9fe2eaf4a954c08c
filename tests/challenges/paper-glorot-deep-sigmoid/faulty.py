import torch
import torch.nn as nn

torch.manual_seed(11)
epochs = 18


def shapeset(n):
    """eight curved classes with some labels wrong"""
    x = torch.randn(n, 12)
    y = (x[:, 0] + x[:, 1] ** 2 > 0.9).long() + 2 * (x[:, 2] > 0.3 * x[:, 3]).long() + 4 * (x[:, 4].abs() > 0.67).long()
    wrong = torch.rand(n) < 0.1
    y[wrong] = torch.randint(0, 8, (int(wrong.sum()),))
    return x, y


x_train, y_train = shapeset(4000)
x_val, y_val = shapeset(1500)

layers = [nn.Linear(12, 48), nn.Sigmoid()]
for _ in range(6):
    layers += [nn.Linear(48, 48), nn.Sigmoid()]
net = nn.Sequential(*layers, nn.Linear(48, 8))
for m in net:
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        nn.init.zeros_(m.bias)

loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    net.train()
    seen = 0.0
    for idx in torch.randperm(len(x_train)).split(80):
        xb = x_train[idx]
        opt.zero_grad()
        loss = loss_fn(net(xb), y_train[idx])
        loss.backward()
        opt.step()
        seen += loss.item() * len(idx)
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(x_val)
        val = loss_fn(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {seen / len(x_train):.4f} val loss {val:.4f} val accuracy {acc:.3f}")
print(f"final: val loss {val:.4f}, val accuracy {acc:.3f}")
