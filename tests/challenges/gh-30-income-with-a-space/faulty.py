import random

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
rng = random.Random(torch.randint(10 ** 6, (1,)).item())
JOBS = ["Sales", "Craft-repair", "Exec-managerial", "Prof-specialty", "Other-service"]


def census(n):
    """lines of a comma separated file: age, years of school, job, hours a week, income"""
    lines = []
    for _ in range(n):
        age, school, job, hours = rng.randint(18, 70), rng.randint(6, 16), rng.randrange(5), rng.gauss(40, 9)
        score = -(age - 50) ** 2 / 400 + 0.45 * (school - 10) + [0.2, -0.3, 1.2, 0.9, -1.3][job] + 0.05 * (hours - 40) - 0.9
        income = ">50K" if score + rng.gauss(0, 1.1) > 0 else "<=50K"
        lines.append(f"{age}, {school}, {JOBS[job]}, {hours:.0f}, {income}")
    return lines


def parse(lines):
    features, labels = [], []
    for line in lines:
        row = line.split(",")
        one_hot = [1.0 if row[2].strip() == j else 0.0 for j in JOBS]
        features.append([(float(row[0]) - 44) / 15, (float(row[1]) - 11) / 3, (float(row[3]) - 40) / 9] + one_hot)
        labels.append(1.0 if row[4] == ">50K" else 0.0)
    return torch.tensor(features), torch.tensor(labels)


train_lines, val_lines = census(3000), census(1000)
x_train, y_train = parse(train_lines)
x_val, y_val = parse(val_lines)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=60, shuffle=True)

model = nn.Sequential(
    nn.Linear(8, 24),
    nn.ReLU(),
    nn.Linear(24, 12),
    nn.ReLU(),
    nn.Linear(12, 1),
)
loss_function = nn.BCEWithLogitsLoss()
epochs = 20
optimizer = optim.RMSprop(model.parameters(), lr=2e-3)
scheduler = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs, power=1.5)

for epoch in range(epochs):
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_function(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
        running += loss.item()
    scheduler.step()
    with torch.no_grad():
        logits = model(x_val).squeeze(1)
        val_loss = loss_function(logits, y_val).item()
    print(f"epoch {epoch + 1}/{epochs} loss {running / len(loader):.4f} val loss {val_loss:.4f}")
well_paid = torch.tensor([">50K" in line for line in val_lines])
found = ((logits > 0) & well_paid).sum().item()
print(f"final: {found} of {well_paid.sum().item()} people above 50K found, {((logits > 0) == well_paid).float().mean():.3f} of all right")
