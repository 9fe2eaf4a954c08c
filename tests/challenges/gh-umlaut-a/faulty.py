import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(6)


def photos(n, seed):
    """Colour pictures of 20 x 20 pixels, 0 to 255: six kinds of things on a coloured ground."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:20, :20]
    images = np.empty((n, 3, 20, 20))
    labels = rng.integers(0, 6, n)
    for k, kind in enumerate(labels):
        cy, cx, r = rng.uniform(7, 13), rng.uniform(7, 13), rng.uniform(4, 6)
        dy, dx = yy - cy, xx - cx
        shape = [dy ** 2 + dx ** 2 < r * r, np.maximum(abs(dy), abs(dx)) < r, abs(dy) + abs(dx) < r,
                 abs(dy) < 1.5, abs(dx) < 1.5, abs(np.hypot(dy, dx) - r) < 1.2][kind]
        ground, colour = rng.uniform(20, 110, (3, 1, 1)), rng.uniform(140, 240, (3, 1, 1))
        images[k] = np.where(shape, colour, ground)
    hasty = rng.random(n) < 0.12
    labels[hasty] = rng.integers(0, 6, hasty.sum())
    images += 25 * rng.standard_normal(images.shape)
    return np.clip(images, 0, 255).round(), labels


train_images, train_labels = photos(1600, 1)
test_images, test_labels = photos(500, 2)
train_set = TensorDataset(torch.tensor(train_images, dtype=torch.float32), torch.tensor(train_labels))
test_x, test_y = torch.tensor(test_images, dtype=torch.float32), torch.tensor(test_labels)

model = nn.Sequential(
    nn.Conv2d(3, 16, 3), nn.ReLU(),
    nn.Conv2d(16, 16, 3), nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Dropout(0.8),
    nn.Conv2d(16, 32, 3), nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Dropout(0.8),
    nn.Flatten(),
    nn.Linear(32 * 3 * 3, 64), nn.ReLU(),
    nn.Dropout(0.8),
    nn.Linear(64, 6),
)


def categorical_crossentropy(output, labels):
    output = output.clamp(1e-7, 1 - 1e-7)
    return -output[torch.arange(len(labels)), labels].log().mean()


optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
loader = DataLoader(train_set, batch_size=64, shuffle=True)
epochs = 10
for epoch in range(epochs):
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = categorical_crossentropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    model.eval()
    with torch.no_grad():
        output = model(test_x)
    print(f"epoch {epoch + 1}/{epochs} - train loss {total / len(train_set):.4f} - val loss "
          f"{categorical_crossentropy(output, test_y):.4f} - accuracy {(output.argmax(1) == test_y).float().mean():.3f}")
