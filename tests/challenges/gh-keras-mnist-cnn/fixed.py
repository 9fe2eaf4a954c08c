import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

batch_size = 32
num_classes = 10
epochs = 10
torch.manual_seed(13)
rng = np.random.RandomState(13)

# scanned digits, every one twice with its own grain and a shift of up to one pixel
digits = load_digits()
img_train, img_test, y_train, y_test = train_test_split(digits.images / 16.0, digits.target, test_size=0.25, random_state=1)


def scans(images, labels, copies):
    out = []
    for im in np.repeat(images, copies, axis=0):
        im = np.roll(np.pad(im, 1), rng.randint(-1, 2, 2), (0, 1))
        out.append(im + rng.normal(0, 0.2, im.shape))
    x = torch.tensor(np.array(out), dtype=torch.float32).unsqueeze(1)
    return TensorDataset(x, torch.tensor(np.repeat(labels, copies)))


train_loader = DataLoader(scans(img_train, y_train, 3), batch_size=batch_size, shuffle=True)
test_loader = DataLoader(scans(img_test, y_test, 2), batch_size=450)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.fc1 = nn.Linear(32 * 3 * 3, 64)
        self.fc2 = nn.Linear(64, num_classes)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x.flatten(1), 0.25, self.training)
        x = F.dropout(F.relu(self.fc1(x)), 0.25, self.training)
        return self.fc2(x)


model = Cnn()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.8)

for epoch in range(epochs):
    model.train()
    seen = total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        seen += len(x)
    scheduler.step()
    model.eval()
    val_loss = hits = n = 0.0
    with torch.no_grad():
        for x, y in test_loader:
            out = model(x)
            val_loss += F.cross_entropy(out, y, reduction="sum").item()
            hits += (out.argmax(1) == y).sum().item()
            n += len(x)
    print(f"epoch {epoch + 1}/{epochs} - train loss: {total / seen:.4f} - val loss: {val_loss / n:.4f} - val accuracy: {hits / n:.4f}")
