import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

np.random.seed(0)
torch.manual_seed(0)


def load_data(count, seed):
    """colour pictures 16 x 16 as uint8 bytes, six kinds of things before varying backgrounds"""
    rng = np.random.RandomState(seed)
    x = np.zeros((count, 3, 16, 16), dtype=np.uint8)
    y = rng.randint(0, 6, count)
    rr, cc = np.mgrid[0:16, 0:16]
    for i in range(count):
        back = rng.uniform(20, 235, 3)[:, None, None]
        front = rng.uniform(20, 235, 3)[:, None, None]
        r, c, s = rng.randint(5, 11), rng.randint(5, 11), rng.randint(3, 6)
        masks = (
            (rr - r) ** 2 + (cc - c) ** 2 <= s * s,
            (abs(rr - r) <= s) & (abs(cc - c) <= s),
            (abs(rr - r) <= 1) | (abs(cc - c) <= 1),
            (abs(rr - r) + abs(cc - c)) <= s,
            (rr + cc) % (s + 1) < 2,
            (abs(rr - r) <= s) & (abs(cc - c) <= 1),
        )
        m = masks[y[i]]
        picture = np.where(m, front, back) + rng.normal(0, 22, (3, 16, 16))
        x[i] = picture.clip(0, 255)
    return x, y


x_train, y_train = load_data(2400, 1)
x_test, y_test = load_data(600, 2)
x_train = torch.from_numpy(x_train).float() / 127.5 - 1
x_test = torch.from_numpy(x_test).float() / 127.5 - 1
y_train, y_test = torch.from_numpy(y_train), torch.from_numpy(y_test)
print("x_train shape:", tuple(x_train.shape))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.fc1 = nn.Linear(32 * 2 * 2, 96)
        self.drop = nn.Dropout(0.3)
        self.fc2 = nn.Linear(96, 6)
        for layer in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
epochs = 16
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    history = []
    for idx in torch.randperm(len(x_train)).split(50):
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    schedule.step()
    model.eval()
    with torch.no_grad():
        out = model(x_test)
        print(f"epoch {epoch + 1}/{epochs} - train loss {sum(history) / len(history):.4f} - val loss {F.cross_entropy(out, y_test).item():.4f}"
              f" - val accuracy {(out.argmax(1) == y_test).float().mean().item():.4f}")
