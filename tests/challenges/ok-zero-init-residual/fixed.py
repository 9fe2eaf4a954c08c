import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(x + self.bn2(self.conv2(y)))


class ResNet(nn.Module):
    def __init__(self, width=10, blocks=2, classes=4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.Sequential(*[BasicBlock(width) for _ in range(blocks)])
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


def symbols(n, size=12):
    img = 0.8 * torch.randn(n, 1, size, size)
    kind = torch.randint(0, 4, (n,))
    cy, cx = torch.randint(3, size - 3, (n,)), torch.randint(3, size - 3, (n,))
    rows = torch.arange(n)
    for d in (-2, -1, 0, 1, 2):
        img[rows, 0, cy + d, cx] += 2.0 * ((kind == 0) | (kind == 2))
        img[rows, 0, cy, cx + d] += 2.0 * ((kind == 1) | (kind == 2))
        img[rows, 0, cy + d, cx + d] += 2.0 * (kind == 3)
    wrong = torch.rand(n) < 0.12
    kind[wrong] = torch.randint(0, 4, (int(wrong.sum()),))
    return (img - 0.09) / 0.95, kind


if __name__ == "__main__":
    torch.manual_seed(32)
    x, y = symbols(3000)
    xv, yv = symbols(800)
    net = ResNet()
    epochs = 10
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, nesterov=True, weight_decay=5e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(50):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 60
        scheduler.step()
        net.eval()
        with torch.no_grad():
            out = net(xv)
            val = F.cross_entropy(out, yv).item()
        print(f"epoch {epoch + 1} loss {total:.4f} val loss {val:.4f} val acc {(out.argmax(1) == yv).float().mean().item():.4f}")
    print(f"final: val loss {val:.4f}")
