import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)
SIZE, KINDS = 20, 5


def leaves(n, seed):
    """silhouettes of five kinds of leaves, photographed a little askew in bad light; one name in ten is wrong"""
    rng = np.random.RandomState(seed)
    kind = rng.randint(0, KINDS, n)
    yy, xx = np.mgrid[0:SIZE, 0:SIZE] - (SIZE - 1) / 2
    images = np.empty((n, SIZE, SIZE))
    for i, k in enumerate(kind):
        dy, dx = rng.uniform(-1.5, 1.5, 2)
        angle = np.arctan2(yy - dy, xx - dx) + rng.uniform(-0.5, 0.5)
        radius = np.hypot(yy - dy, xx - dx)
        edge = rng.uniform(5.5, 7.0) * (1 + 0.42 * np.cos((k + 1) * angle)) / 1.15
        images[i] = 1 / (1 + np.exp(2 * (radius - edge)))
    images = images * rng.uniform(0.5, 0.9, (n, 1, 1)) + rng.normal(0, 0.45, images.shape)
    wrong = rng.rand(n) < 0.1
    kind[wrong] = rng.randint(0, KINDS, wrong.sum())
    return torch.tensor((images[:, None] - 0.25) / 0.53, dtype=torch.float32), torch.from_numpy(kind).long()


class LeafNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 5 * 5, 64)
        self.fc2 = nn.Linear(64, KINDS)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x.flatten(1), 0.2, self.training)
        x = F.dropout(F.relu(self.fc1(x)), 0.4, self.training)
        return self.fc2(x)


images, kinds = leaves(4000, 0)
val_images, val_kinds = leaves(600, 1)
net = LeafNet()
epochs = 10
steps_per_epoch, batch_size = 80, 50
optimizer = torch.optim.Adam(net.parameters(), lr=0.003, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    net.train()
    losses = []
    for step in range(steps_per_epoch):
        if step * batch_size % len(images) == 0:
            order = torch.randperm(len(images))
        rows = order[torch.arange(batch_size) + step * batch_size % len(images)]
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images[rows]), kinds[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    net.eval()
    with torch.no_grad():
        scores = net(val_images)
        val_loss = F.cross_entropy(scores, val_kinds).item()
        val_acc = (scores.argmax(1) == val_kinds).float().mean().item()
    print(f"epoch {epoch} loss {np.mean(losses):.4f} val loss {val_loss:.4f} val acc {val_acc:.3f}")
print(f"final: val loss {val_loss:.4f} val acc {val_acc:.3f}")
