import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class ConvBN(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class DeepNet(nn.Module):
    def __init__(self, width=12, depth=9, classes=4):
        super().__init__()
        self.stem = ConvBN(1, width)
        self.body = nn.Sequential(*[ConvBN(width, width, 2 if i == 1 else 1) for i in range(depth)])
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.body(self.stem(x)).mean((2, 3))
        return self.head(self.dropout(x))


def textures(n):
    angle = torch.randint(0, 4, (n,))
    theta = angle * 0.7854
    grid = torch.arange(10).float()
    coord = torch.cos(theta)[:, None, None] * grid[None, :, None] + torch.sin(theta)[:, None, None] * grid[None, None, :]
    img = torch.sin(1.3 * coord + 6.28 * torch.rand(n, 1, 1))
    img = img + 1.6 * torch.randn_like(img)
    return img.unsqueeze(1) / 1.75, angle


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    loss = correct = count = 0
    for x, y in loader:
        out = model(x)
        loss += F.cross_entropy(out, y, reduction="sum").item()
        correct += (out.argmax(1) == y).sum().item()
        count += len(y)
    return loss / count, correct / count


def main(epochs=9):
    torch.manual_seed(77)
    train = DataLoader(TensorDataset(*textures(3000)), batch_size=50, shuffle=True)
    val = DataLoader(TensorDataset(*textures(800)), batch_size=400)
    model = DeepNet()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 0.06, total_steps=epochs * len(train))
    print("before training: loss %.3f accuracy %.3f" % evaluate(model, val))
    for epoch in range(1, epochs + 1):
        model.train()
        running = 0.0
        for x, y in train:
            loss = F.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            running += loss.item()
        vl, va = evaluate(model, val)
        print(f"epoch {epoch} train loss {running / len(train):.4f} val loss {vl:.4f} val accuracy {va:.3f}")
    print(f"final: val loss {vl:.3f}, val accuracy {va:.3f}")


main()
