import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(30)
EPOCHS = 14


def lights(n, seed):
    """small colour pictures of traffic lights: which lamp is lit, noted by hand"""
    rng = np.random.RandomState(seed)
    x = rng.uniform(0, 0.6, (n, 3, 1, 1)) + rng.normal(0, 0.12, (n, 3, 15, 15))
    y = rng.randint(0, 4, n)
    for i in range(n):
        left = rng.randint(2, 9)
        x[i, :, 1:14, left:left + 4] *= 0.3
        for lamp, colour in enumerate([(1, 0.2, 0.2), (1, 0.8, 0.2), (0.2, 1, 0.4)]):
            lit = 0.8 if lamp == y[i] else 0.25
            x[i, :, 2 + 4 * lamp:5 + 4 * lamp, left + 1:left + 3] += lit * np.array(colour)[:, None, None] * rng.uniform(0.6, 1)
    y = np.where(rng.rand(n) < 0.06, rng.randint(0, 4, n), y)
    return torch.tensor((x - 0.3) / 0.25, dtype=torch.float32), torch.tensor(y)


def block(i, o):
    return [nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]


x_train, y_train = lights(1500, 0)
x_test, y_test = lights(500, 1)
model = nn.Sequential(*block(3, 12), *block(12, 16), nn.Flatten(), nn.Linear(16 * 9, 64), nn.ReLU(),
                      nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
criterion = nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    model.train()
    history = []
    for idx in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    schedule.step()
    model.eval()
    with torch.no_grad():
        out = model(x_test)
        val_loss = criterion(out, y_test).item()
        val_acc = (out.argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1}/{EPOCHS} - loss: {np.mean(history):.4f} - val loss {val_loss:.4f} - val acc {val_acc:.4f}")
print(f"final: accuracy {val_acc:.4f}")
