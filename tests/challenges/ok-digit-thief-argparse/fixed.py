import argparse
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class Shifted(Dataset):
    def __init__(self, images, labels, augment):
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i]
        if self.augment:
            dy, dx = torch.randint(-1, 2, (2,)).tolist()
            image = torch.roll(image, (dy, dx), (1, 2))
        return image, self.labels[i]


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.fc = nn.Linear(2 * width, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.relu(self.bn2(self.conv2(x)))
        return self.fc(x.mean((2, 3)))


def test(model, loader):
    model.eval()
    loss = correct = 0
    with torch.no_grad():
        for data, target in loader:
            output = model(data)
            loss += F.cross_entropy(output, target, label_smoothing=0.1, reduction="sum").item()
            correct += output.argmax(1).eq(target).sum().item()
    return loss / len(loader.dataset), correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--width", type=int, default=12)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    digits = load_digits()
    images = (torch.tensor(digits.images).float()[:, None] - 4.9) / 6.0
    images = images + 0.5 * torch.randn_like(images)
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels))
    train_loader = DataLoader(Shifted(images[order[:1300]], labels[order[:1300]], True), args.batch_size, shuffle=True, drop_last=True)
    test_loader = DataLoader(Shifted(images[order[1300:]], labels[order[1300:]], False), 100)
    model = Net(args.width)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, nesterov=True, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [args.epochs // 2, args.epochs * 3 // 4], gamma=0.1)
    best, best_state = float("inf"), None
    for epoch in range(1, args.epochs + 1):
        model.train()
        for data, target in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(data), target, label_smoothing=0.1)
            loss.backward()
            optimizer.step()
        scheduler.step()
        val_loss, accuracy = test(model, test_loader)
        print(f"epoch {epoch} train loss {loss.item():.4f} val loss {val_loss:.4f} accuracy {accuracy:.4f}")
        if val_loss < best:
            best, best_state = val_loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_state)
    print("final: val loss {:.4f}, accuracy {:.4f}".format(*test(model, test_loader)))


if __name__ == "__main__":
    main()
