import numpy as np
import torch
import torch.nn as nn

SEED = 10
EPOCHS = 9


def pictures(n, rng):
    """Small colour pictures of six kinds of textures."""
    yy, xx = np.mgrid[:16, :16] / 16
    kind = rng.integers(0, 6, n)
    out = np.empty((n, 3, 16, 16), dtype=np.float32)
    for i, k in enumerate(kind):
        a, b = rng.uniform(0, 1, 2)
        base = [np.sin(2 * np.pi * (3 * xx + a)), np.sin(2 * np.pi * (3 * yy + a)), np.sin(2 * np.pi * (2 * (xx + yy) + a)),
                np.sin(2 * np.pi * (2 * (xx - yy) + a)), np.sin(6 * np.pi * np.hypot(xx - 0.3 - 0.4 * a, yy - 0.3 - 0.4 * b)),
                np.sin(2 * np.pi * (3 * xx + a)) * np.sin(2 * np.pi * (3 * yy + b))][k]
        out[i] = 0.5 + 0.25 * base * rng.uniform(0.5, 1, (3, 1, 1))
    kind = np.where(rng.random(n) < 0.12, rng.integers(0, 6, n), kind)
    return (np.clip(out + 0.2 * rng.standard_normal(out.shape), 0, 1).astype(np.float32) - 0.5) / 0.25, kind


def conv_block(inputs, filters, activation):
    return [nn.Conv2d(inputs, filters, 5, padding=2), activation(), nn.MaxPool2d(2)]


def lenet(activation, tail=3):
    layers = conv_block(3, 8, activation) + conv_block(8, 16, activation) + [nn.Flatten()]
    layers += [nn.Linear(16 * 16, 60), activation()]
    layers += [nn.Linear(60, 42), activation()]
    for _ in range(tail):
        layers += [nn.Linear(42, 42), activation()]
    layers.append(nn.Linear(42, 6))
    model = nn.Sequential(*layers)
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


class Trainer:
    def __init__(self, model, lr=0.01):
        self.model = model
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=2e-3)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, EPOCHS)

    def epoch(self, x, y):
        total = 0.0
        for rows in torch.randperm(len(x)).split(32):
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x[rows]), y[rows])
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(rows)
        self.schedule.step()
        return total / len(x)

    @torch.no_grad()
    def validate(self, x, y):
        scores = self.model(x)
        return self.criterion(scores, y).item(), (scores.argmax(1) == y).float().mean().item()


torch.manual_seed(SEED)
rng = np.random.default_rng(40)
x, y = map(torch.from_numpy, pictures(1500, rng))
x_val, y_val = map(torch.from_numpy, pictures(500, rng))
trainer = Trainer(lenet(nn.ReLU))
for e in range(EPOCHS):
    train_loss = trainer.epoch(x, y)
    val_loss, val_acc = trainer.validate(x_val, y_val)
    print(f"epoch {e + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} val acc {val_acc:.3f}")
