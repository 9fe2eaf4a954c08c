import math
import torch
from torch import nn

torch.manual_seed(5)

SEQ_LEN = 60
UNITS = 24
N = 2500
epochs = 10


def latching_data(n):
    """the first three values are high or low, noise follows; the label is which of the two it was"""
    y = torch.randint(0, 2, (n,))
    x = torch.randn(n, SEQ_LEN, 1) * 0.3
    x[:, :3, 0] += torch.randn(n, 3) * 0.8 + (2.0 * y - 1.0)[:, None]
    return x, y


class ElmanRNN(nn.Module):
    def __init__(self, n_in, units, n_out):
        super().__init__()
        self.units = units
        self.kernel = nn.Linear(n_in, units)
        self.recurrent = nn.Linear(units, units, bias=False)
        self.readout = nn.Linear(units, n_out)
        nn.init.xavier_uniform_(self.kernel.weight)
        nn.init.zeros_(self.kernel.bias)
        nn.init.orthogonal_(self.recurrent.weight)

    def forward(self, x):
        h = x.new_zeros(len(x), self.units)
        for t in range(x.shape[1]):
            h = torch.sigmoid(self.kernel(x[:, t]) + self.recurrent(h))
        return self.readout(h)


x_train, y_train = latching_data(N)
x_test, y_test = latching_data(1000)
net = ElmanRNN(1, UNITS, 2)
optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.75)
criterion = nn.CrossEntropyLoss()

for epoch in range(epochs):
    net.train()
    order = torch.randperm(N)
    total = 0.0
    for k in range(math.ceil(N / 50)):
        idx = order[50 * k:50 * (k + 1)]
        optimizer.zero_grad()
        loss = criterion(net(x_train[idx]), y_train[idx])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        scores = net(x_test)
        val = criterion(scores, y_test).item()
        hit = (scores.argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / N:.4f} val loss {val:.4f} accuracy {hit:.3f}")
