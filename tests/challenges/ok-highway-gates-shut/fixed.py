import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits


class Highway(nn.Module):
    """y = T(x) * H(x) + (1 - T(x)) * x; the gate T starts nearly shut."""

    def __init__(self, width, shut=-3.0):
        super().__init__()
        self.plain = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, shut)

    def forward(self, x):
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.tanh(self.plain(x)) + (1 - gate) * x


seed = 1
epochs = 18
torch.manual_seed(seed)
digits = load_digits()
rng = np.random.default_rng(0)
order = rng.permutation(len(digits.target))
pixels = digits.data[order] / 8 - 1 + 0.7 * rng.standard_normal(digits.data.shape)
x, y = torch.tensor(pixels, dtype=torch.float32), torch.tensor(digits.target[order])
x_train, y_train, x_val, y_val = x[:1300], y[:1300], x[1300:], y[1300:]

model = nn.Sequential(nn.Linear(64, 32), *[Highway(32) for _ in range(15)], nn.Linear(32, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=4e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    losses = []
    for rows in torch.randperm(len(x_train)).split(50):
        loss = criterion(model(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {criterion(out, y_val).item():.4f} "
          f"accuracy {(out.argmax(1) == y_val).float().mean().item():.3f}")
