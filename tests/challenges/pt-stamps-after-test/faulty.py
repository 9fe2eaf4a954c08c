import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

rng = np.random.default_rng(5)
torch.manual_seed(5)
digits = load_digits()
order = rng.permutation(len(digits.target))
images = digits.images[order] / 16 + rng.normal(0, 0.35, digits.images.shape)
X = torch.tensor(images, dtype=torch.float32).unsqueeze(1)
Y = torch.tensor(digits.target[order])
X_train, Y_train, X_test, Y_test = X[:500], Y[:500], X[500:], Y[500:]


class StampNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 3, padding=1)
        self.conv2 = nn.Conv2d(24, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.drop2d = nn.Dropout2d(0.3)
        self.drop = nn.Dropout(0.6)
        self.fc1 = nn.Linear(128, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.drop2d(self.pool(torch.relu(self.conv2(x))))
        x = self.drop(torch.relu(self.fc1(torch.flatten(x, 1))))
        return self.fc2(x)


def train_loop(model, loss_fn, optimizer, batch_size=25):
    total = 0.0
    for idx in torch.randperm(len(X_train)).split(batch_size):
        pred = model(X_train[idx])
        loss = loss_fn(pred, Y_train[idx])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item() * len(idx)
    return total / len(X_train)


def test_loop(model, loss_fn):
    model.eval()
    with torch.no_grad():
        pred = model(X_test)
    return loss_fn(pred, Y_test).item(), (pred.argmax(1) == Y_test).float().mean().item()


model = StampNet()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3, weight_decay=5e-4)
epochs = 28
for t in range(epochs):
    train_loss = train_loop(model, loss_fn, optimizer)
    test_loss, accuracy = test_loop(model, loss_fn)
    print(f"epoch {t + 1} train loss {train_loss:.4f} val loss {test_loss:.4f} accuracy {accuracy:.3f}")
print("Done!")
