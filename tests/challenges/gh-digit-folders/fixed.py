import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(10)


class DigitFolder(Dataset):
    """Images listed folder by folder: 0/..., 1/..., up to 9/..."""

    def __init__(self, part):
        d = load_digits()
        files = []
        for label in range(10):
            members = np.random.default_rng(label).permutation(np.flatnonzero(d.target == label))
            cut = int(0.75 * len(members))
            chosen = members[:cut] if part == "train" else members[cut:]
            files += [(i, label) for i in chosen]
        self.files = files
        self.images = torch.tensor(d.images / 16.0 - 0.3, dtype=torch.float32)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, k):
        i, label = self.files[k]
        return self.images[i].unsqueeze(0), label


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3)
        self.conv2 = nn.Conv2d(12, 24, 3)
        self.fc = nn.Linear(24 * 2 * 2, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


train_loader = DataLoader(DigitFolder("train"), batch_size=32, shuffle=True)
test_loader = DataLoader(DigitFolder("test"), batch_size=128)
net = SmallCNN()
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=2e-3)
epochs = 25
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)

for epoch in range(1, epochs + 1):
    net.train()
    train_loss = seen = 0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(labels)
        seen += len(labels)
    scheduler.step()
    net.eval()
    val_loss = correct = n = 0
    with torch.no_grad():
        for images, labels in test_loader:
            out = net(images)
            val_loss += F.cross_entropy(out, labels, reduction="sum").item()
            correct += (out.argmax(1) == labels).sum().item()
            n += len(labels)
    print("epoch %d train loss %.4f val loss %.4f val accuracy %.4f" % (epoch, train_loss / seen, val_loss / n, correct / n))
