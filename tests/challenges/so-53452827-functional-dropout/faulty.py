import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

np.random.seed(27)
torch.manual_seed(27)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x.flatten(1), p=0.25)
        x = F.dropout(F.relu(self.fc1(x)), p=0.4)
        return self.fc2(x)


def load():
    digits = load_digits()
    images = digits.images / 8.0 - 1 + 0.6 * np.random.randn(*digits.images.shape)
    parts = train_test_split(images[:, None].astype("float32"), digits.target, test_size=0.3, random_state=0, stratify=digits.target)
    return [torch.from_numpy(p) for p in parts]


def train_one_epoch(model, x, y, optimizer, batch_size=32):
    model.train()
    losses = []
    for idx in torch.from_numpy(np.random.permutation(len(x))).split(batch_size):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def validate(model, x, y):
    model.eval()
    with torch.no_grad():
        scores = model(x)
        return F.cross_entropy(scores, y).item(), (scores.argmax(1) == y).float().mean().item()


def main(epochs=22):
    x, x_val, y, y_val = load()
    model = Net()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs, power=1.0)
    for epoch in range(epochs):
        train_loss = train_one_epoch(model, x, y, optimizer)
        scheduler.step()
        val_loss, val_acc = validate(model, x_val, y_val)
        print(f"epoch {epoch + 1:>2}/{epochs}  train loss {train_loss:.4f}  val loss {val_loss:.4f}  val acc {val_acc:.4f}")
    print(f"final: val loss {val_loss:.4f}, val accuracy {val_acc:.4f}")


main()
