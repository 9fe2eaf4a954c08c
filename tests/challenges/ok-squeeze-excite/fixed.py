import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class SqueezeExcite(nn.Module):
    def __init__(self, channels, ratio=4):
        super().__init__()
        self.down = nn.Linear(channels, channels // ratio)
        self.up = nn.Linear(channels // ratio, channels)

    def forward(self, x):
        gate = torch.sigmoid(self.up(torch.relu(self.down(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class Block(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.se = SqueezeExcite(n_out)
        self.short = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.se(self.bn2(self.conv2(y))) + self.short(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(1, 16, 1), Block(16, 32, 2))
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.blocks(x).mean((2, 3)))


def loaders(noise=0.45):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(d.target)
    a, b = train_test_split(torch.arange(len(y)).numpy(), test_size=0.25, stratify=d.target, random_state=0)
    mean, std = x[a].mean(), x[a].std()
    x = (x - mean) / std
    x = x + noise * torch.randn_like(x)
    return DataLoader(TensorDataset(x[a], y[a]), batch_size=32, shuffle=True), DataLoader(TensorDataset(x[b], y[b]), batch_size=225)


@torch.no_grad()
def test(net, loader, loss_fn):
    net.eval()
    loss, right, n = 0.0, 0, 0
    for x, y in loader:
        out = net(x)
        loss += loss_fn(out, y).item() * len(y)
        right += (out.argmax(1) == y).sum().item()
        n += len(y)
    return loss / n, right / n


if __name__ == "__main__":
    torch.manual_seed(31)
    train, val = loaders()
    net = Net()
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
    epochs = 9
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=2e-3)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.05, epochs=epochs, steps_per_epoch=len(train))
    for epoch in range(epochs):
        net.train()
        running = 0.0
        for x, y in train:
            opt.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            opt.step()
            sched.step()
            running += loss.item()
        vl, va = test(net, val, loss_fn)
        print(f"epoch {epoch + 1}/{epochs}  train loss {running / len(train):.4f}  val loss {vl:.4f}  val acc {va:.4f}")
    print(f"final: val loss {vl:.4f}, val accuracy {va:.4f}")
