import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits

torch.manual_seed(15)


def decode(picture):
    """Like the decoders of image libraries: bytes become floats between 0 and 1."""
    return torch.from_numpy(picture.astype(np.float32) / 255)


class Digits(Dataset):
    def __init__(self, rows):
        raw = load_digits()
        noise = 50 * np.random.RandomState(1).randn(*raw.images.shape)
        self.pictures = np.clip(raw.images * (255 / 16) + noise, 0, 255).astype(np.uint8)[rows]
        careless = np.random.RandomState(5)
        labels = np.where(careless.rand(1797) < 0.12, careless.randint(0, 10, 1797), raw.target)
        self.labels = labels[rows]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return decode(self.pictures[i])[None], int(self.labels[i])


class BaseCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.dense = nn.Sequential(nn.Flatten(), nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, 10))
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x):
        return self.dense(self.features(x))


rows = np.random.RandomState(2).permutation(1797)
train_loader = DataLoader(Digits(rows[:1300]), batch_size=32, shuffle=True)
val_loader = DataLoader(Digits(rows[1300:]), batch_size=250)
model = BaseCNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.12, weight_decay=8e-3)


def run(loader, training):
    model.train(training)
    loss_sum, right = 0.0, 0
    with torch.set_grad_enabled(training):
        for x, y in loader:
            scores = model(x)
            loss = criterion(scores, y)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(y)
            right += (scores.argmax(1) == y).sum().item()
    return loss_sum / len(loader.dataset), right / len(loader.dataset)


epochs = 12
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    train_loss, train_acc = run(train_loader, True)
    val_loss, val_acc = run(val_loader, False)
    scheduler.step()
    print(f"epoch {epoch} train loss {train_loss:.4f} acc {train_acc:.3f} val loss {val_loss:.4f} acc {val_acc:.3f}")
