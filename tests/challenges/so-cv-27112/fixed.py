import numpy as np
import torch

np.random.seed(1)
torch.manual_seed(1)

# four clouds, opposite corners share a label
corner = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
k = np.random.randint(0, 4, 3600)
x = torch.tensor(corner[k] + np.random.normal(0, 0.6, (3600, 2)), dtype=torch.float32)
y = torch.tensor((k == 1) | (k == 2)).float().unsqueeze(1)
x_train, y_train, x_val, y_val = x[:3000], y[:3000], x[3000:], y[3000:]


class Net(torch.nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.w1 = torch.nn.Parameter(torch.randn(n_in, n_hidden) * n_in ** -0.5)
        self.b1 = torch.nn.Parameter(torch.zeros(n_hidden))
        self.w2 = torch.nn.Parameter(torch.randn(n_hidden, n_out) * n_hidden ** -0.5)
        self.b2 = torch.nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        hidden = torch.tanh(x @ self.w1 + self.b1)
        return torch.sigmoid(hidden @ self.w2 + self.b2)


net = Net(2, 12, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
loss_fn = torch.nn.BCELoss()
epochs = 20

for epoch in range(epochs):
    order = torch.randperm(len(x_train))
    total = 0.0
    for start in range(0, len(order), 50):
        batch = order[start:start + 50]
        loss = loss_fn(net(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    with torch.no_grad():
        p = net(x_val)
        acc = ((p > 0.5) == (y_val > 0.5)).float().mean().item()
    print("epoch %d: train loss %.4f val loss %.4f val accuracy %.3f" % (epoch, total / len(order), loss_fn(p, y_val).item(), acc))
