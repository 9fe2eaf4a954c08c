import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(27)
d = load_digits()
images = torch.tensor(d.images / 8 - 1, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(d.target)
order = torch.randperm(len(labels))
images, labels = images[order], labels[order]


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, stride=2, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(128, classes))
        self.frozen = False

    def forward(self, x):
        return self.head(self.backbone(x))

    def freeze_backbone(self):
        """keep the filters and the statistics of the first task"""
        self.frozen = True
        self.backbone.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self


def fit(net, x, y, x_val, y_val, optimizer, epochs, tag):
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        net.train()
        total = 0.0
        for b in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(net(x[b]), y[b])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(b)
        scheduler.step()
        net.eval()
        with torch.no_grad():
            out = net(x_val)
        print(f"{tag} {epoch} train loss {total / len(x):.4f} val loss {F.cross_entropy(out, y_val).item():.4f} "
              f"accuracy {(out.argmax(1) == y_val).float().mean().item():.4f}")


# first task: the digits 0 to 5; second task: 6 to 9 from the same features
old, new = labels < 6, labels >= 6
net = Net(6)
x, y = images[old], labels[old]
fit(net, x[:800], y[:800], x[800:], y[800:], torch.optim.Adam(net.parameters(), lr=2e-3), 6, "pre-training")

net.head[1] = nn.Linear(128, 4)
net.freeze_backbone()
x, y = images[new], labels[new] - 6
trainable = [p for p in net.parameters() if p.requires_grad]
fit(net, x[:450], y[:450], x[450:], y[450:], torch.optim.Adam(trainable, lr=2e-2, weight_decay=3e-3), epochs=40, tag="epoch")
