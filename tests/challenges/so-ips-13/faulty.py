"""Coronary heart disease by softmax regression (nine columns, as in the South African study)."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LEARNING_RATE = 0.5
BATCH_SIZE = 7
BETA = 0.01
EPOCHS = 12


def patients(n, rng):
    age = rng.uniform(15, 64, n)
    sbp = 105 + 0.5 * age + 16 * rng.standard_normal(n)
    tobacco = np.maximum(0, 0.13 * age + 4 * rng.standard_normal(n) - 2)
    ldl = np.clip(2.5 + 0.05 * age + 1.6 * rng.standard_normal(n), 1, None)
    adiposity = 12 + 0.3 * age + 6 * rng.standard_normal(n)
    famhist = (rng.random(n) < 0.42).astype(float)
    typea = 53 + 10 * rng.standard_normal(n)
    obesity = 15 + 0.4 * adiposity + 3 * rng.standard_normal(n)
    alcohol = rng.exponential(17, n)
    logit = (0.065 * (age - 43) + 0.13 * (tobacco - 4) + 0.35 * (ldl - 4.7) + 1.3 * (famhist - 0.4)
             + 0.05 * (typea - 53) + 0.012 * (sbp - 138) - 0.3)
    chd = rng.random(n) < 1 / (1 + np.exp(-1.6 * logit))
    return np.stack([sbp, tobacco, ldl, adiposity, famhist, typea, obesity, alcohol, age], 1), chd.astype(int)


class SoftmaxRegression(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.w = nn.Parameter(torch.randn(features, classes))
        self.b = nn.Parameter(torch.zeros(classes))

    def forward(self, x):
        return x @ self.w + self.b


torch.manual_seed(2)
train_x, train_y = patients(1400, np.random.default_rng(5))
test_x, test_y = patients(600, np.random.default_rng(6))
train = TensorDataset(torch.tensor(train_x).float(), torch.tensor(train_y))
test_x, test_y = torch.tensor(test_x).float(), torch.tensor(test_y)
loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)

model = SoftmaxRegression(9, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
entropy = nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    seen = 0.0
    for x, y in loader:
        loss = entropy(model(x), y)
        optimizer.zero_grad()
        (loss + BETA * model.w.square().sum() / 2).backward()
        optimizer.step()
        seen += loss.item() * len(x)
    with torch.no_grad():
        score = model(test_x)
        hits = (score.argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch + 1} train loss {seen / len(train):.4f} val loss {entropy(score, test_y).item():.4f} val accuracy {hits:.3f}")
