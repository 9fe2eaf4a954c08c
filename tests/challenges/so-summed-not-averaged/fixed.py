import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(10)
EPOCHS = 11


def signs(n, seed):
    """20x20 grey pictures: circle, square, triangle or cross, as named by a crowd"""
    rng = np.random.RandomState(seed)
    yy, xx = np.mgrid[0:20, 0:20]
    images, labels = np.zeros((n, 1, 20, 20), dtype=np.float32), rng.randint(0, 4, n)
    for k in range(n):
        cy, cx, r = rng.uniform(7, 12), rng.uniform(7, 12), rng.uniform(4, 6)
        dy, dx = yy - cy, xx - cx
        shape = [np.abs(np.hypot(dy, dx) - r) < 1, np.abs(np.maximum(abs(dy), abs(dx)) - r) < 1,
                 (np.abs(dy - r + 1) < 1) & (abs(dx) < r) | (np.abs(2 * abs(dx) - dy - r + 1) < 1.5) & (abs(dy) < r),
                 (np.minimum(abs(dy), abs(dx)) < 1) & (np.maximum(abs(dy), abs(dx)) < r)][labels[k]]
        images[k, 0] = 0.9 * shape + rng.normal(0, 0.35, (20, 20))
    named = np.where(rng.rand(n) < 0.08, rng.randint(0, 4, n), labels)
    return torch.from_numpy(images), torch.from_numpy(named).long()


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 16, 5, padding=2)
        self.fc1 = nn.Linear(16 * 5 * 5, 64)
        self.fc2 = nn.Linear(64, 4)

    def forward(self, x):
        h = F.max_pool2d(F.relu(self.conv1(x)), 2)
        h = F.max_pool2d(F.relu(self.conv2(h)), 2)
        h = F.dropout(F.relu(self.fc1(h.flatten(1))), 0.4, self.training)
        return self.fc2(h)


def cross_entropy(y_conv, y_):
    return -(y_ * F.log_softmax(y_conv, dim=1)).sum(1).mean()


x_train, y_train = signs(1600, 0)
x_test, y_test = signs(600, 1)
onehot_train, onehot_test = F.one_hot(y_train, 4).float(), F.one_hot(y_test, 4).float()
net = ConvNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    losses = []
    for batch in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = cross_entropy(net(x_train[batch]), onehot_train[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    net.eval()
    with torch.no_grad():
        y_conv = net(x_test)
        val_loss = cross_entropy(y_conv, onehot_test).item()
        accuracy = (y_conv.argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch}, train loss {np.mean(losses):g}, val loss {val_loss:g}, test accuracy {accuracy:g}")
print(f"final: test accuracy {accuracy:.3f}")
