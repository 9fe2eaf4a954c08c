import numpy as np
import torch
import torch.nn as nn

SEED = 3
EPOCHS = 60
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
BOX = ["TTGACA", "TATAAT"]


def sequences(n):
    """Stretches of 50 bases; promoters carry two (often mutated) boxes near fixed places. One label in eight is wrong."""
    bases = rng.integers(0, 4, (n, 50))
    label = rng.integers(0, 2, n)
    for row in np.flatnonzero(label):
        for box, place in zip(BOX, (10, 33)):
            word = np.array(["ACGT".index(c) for c in box])
            mutated = rng.random(6) < 0.3
            bases[row, place:place + 6] = np.where(mutated, rng.integers(0, 4, 6), word)
    wrong = rng.random(n) < 0.125
    onehot = np.eye(4, dtype=np.float32)[bases].reshape(n, -1)
    return torch.from_numpy(onehot), torch.from_numpy(np.where(wrong, 1 - label, label)).float()


x_train, y_train = sequences(400)
x_val, y_val = sequences(1000)

model = nn.Sequential(
    nn.Linear(200, 8), nn.ReLU(),
    nn.Linear(8, 1), nn.Flatten(0),
)
bce = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.08)

for epoch in range(1, EPOCHS + 1):
    train_loss = 0.0
    for rows in torch.randperm(400).split(20):
        optimizer.zero_grad(set_to_none=True)
        loss = bce(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / 20
    with torch.inference_mode():
        out = model(x_val)
        val_loss = bce(out, y_val).item()
        accuracy = ((out > 0) == (y_val > 0.5)).float().mean().item()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {accuracy:.3f}")
