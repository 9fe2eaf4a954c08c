import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import TensorDataset, DataLoader

np.random.seed(3)
torch.manual_seed(3)
EPOCHS = 20


def customers(n):
    """16 columns of a loan book: ages, months, counts and sums in euro"""
    rng = np.random.RandomState(12)
    z = rng.normal(size=(n, 16))
    z[:, 9:] = 0.5 * z[:, :7] + 0.87 * z[:, 9:]
    wish = 1.3 * z[:, 0] - 1.1 * z[:, 3] * z[:, 4] + 0.9 * z[:, 7] + 0.8 * np.abs(z[:, 10]) - 0.6 + rng.normal(0, 0.5, n)
    centre = np.array([41, 36, 3, 2200, 12, 5, 680, 8, 50, 24, 1500, 9000, 2, 310, 17, 60])
    spread = np.array([11, 18, 1.5, 600, 6, 2, 90, 3, 20, 10, 500, 4000, 1, 120, 7, 25])
    return (z * spread + centre).astype(np.float32), (wish > 0).astype(np.int64)


class Net(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(n_in, 64), nn.Linear(64, 64), nn.Linear(64, n_out)])
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.drop(torch.tanh(layer(x)))
        return self.layers[-1](x)


data, target = customers(2400)
n_train = 1800
data, target = torch.from_numpy(data), torch.from_numpy(target)
loader = DataLoader(TensorDataset(data[:n_train], target[:n_train]), batch_size=16, shuffle=True)
x_val, y_val = data[n_train:], target[n_train:]


def criterion(out, y):
    one_hot = torch.nn.functional.one_hot(y, 2).float()
    return ((torch.softmax(out, dim=1) - one_hot) ** 2).mean()


net = Net(16, 2)
sgd = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, nesterov=True)
decay = torch.optim.lr_scheduler.LambdaLR(sgd, lambda epoch: 1 / (1 + 0.3 * epoch))

for epoch in range(EPOCHS):
    net.train()
    seen = []
    for x, y in loader:
        sgd.zero_grad(set_to_none=True)
        loss = criterion(net(x), y)
        loss.backward()
        sgd.step()
        seen.append(loss.item())
    decay.step()
    net.eval()
    with torch.no_grad():
        out = net(x_val)
        val = criterion(out, y_val).item()
        accuracy = (out.argmax(dim=1) == y_val).float().mean().item()
    print("epoch %d train loss %.4f val loss %.4f accuracy %.4f" % (epoch + 1, np.mean(seen), val, accuracy))
