import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(33)


class DigitData:
    def __init__(self, images, labels, batch_size):
        self.images = images
        self.labels = labels
        self.batch_size = batch_size

    def batches(self):
        pairs = DataLoader(TensorDataset(self.images, self.labels), batch_size=self.batch_size, shuffle=True)
        return pairs


class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(24 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc(self.drop(x.flatten(1)))


def main():
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    images = images + 0.25 * torch.randn_like(images)
    labels = torch.tensor(digits.target)
    keep = torch.randperm(len(images))
    train = DigitData(images[keep[:1400]], labels[keep[:1400]], batch_size=40)
    val_x, val_y = images[keep[1400:]], labels[keep[1400:]]

    net = LeNetish()
    epochs = 18
    optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for epoch in range(epochs):
        net.train()
        total = count = 0
        for x, y in train.batches():
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
            count += 1
        scheduler.step()
        net.eval()
        with torch.no_grad():
            out = net(val_x)
        val_loss = criterion(out, val_y).item()
        accuracy = (out.argmax(1) == val_y).float().mean().item()
        print(f"epoch {epoch:2d}: train loss {total / count:.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")
    print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
