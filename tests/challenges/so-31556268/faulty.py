import numpy as np
import torch
from torch import nn
from torch.optim import SGD

torch.manual_seed(8)
rng = np.random.RandomState(8)


def signals(count):
    # two switches, read with a little noise; the lamp is on when they differ
    bits = rng.randint(0, 2, (count, 2))
    label = (bits[:, :1] != bits[:, 1:]).astype(np.float32)
    flip = rng.rand(count, 1) < 0.03
    label = np.where(flip, 1 - label, label)
    return torch.tensor(bits + rng.normal(0, 0.15, bits.shape), dtype=torch.float32), torch.tensor(label, dtype=torch.float32)


train_data, train_label = signals(800)
test_data, test_label = signals(400)

model = nn.Sequential()
model.add_module("hidden", nn.Linear(2, 4))
model.add_module("act1", nn.Sigmoid())
model.add_module("out", nn.Linear(4, 1))
model.add_module("act2", nn.Sigmoid())
for m in (model.hidden, model.out):
    nn.init.xavier_uniform_(m.weight)
    nn.init.zeros_(m.bias)

sgd = SGD(model.parameters(), lr=0.05, momentum=0.11, nesterov=True)
criterion = nn.L1Loss()
epochs = 60

print("begin to train")
for epoch in range(epochs):
    perm = torch.randperm(len(train_data))
    losses = []
    for k in range(0, len(perm), 50):
        idx = perm[k:k + 50]
        sgd.zero_grad()
        loss = criterion(model(train_data[idx]), train_label[idx])
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    with torch.no_grad():
        p = model(test_data)
        v = criterion(p, test_label).item()
        acc = ((p > 0.5).float() == test_label).float().mean().item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {v:.4f} accuracy {acc:.3f}")

with torch.no_grad():
    print(model(torch.tensor([[0.0, 1.0], [1.0, 1.0]])))
