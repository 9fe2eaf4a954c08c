import pandas as pd
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(2)
torch.manual_seed(2)


def frame(size):
    # two clouds on the diagonal, with some overlap
    class_1 = np.random.uniform(0.2, 0.47, size=(size, 2))
    class_2 = np.random.uniform(0.43, 0.7, size=(size, 2))
    rows = [[a, b, 1] for a, b in class_1] + [[a, b, 2] for a, b in class_2]
    df = pd.DataFrame(rows, columns=["x", "y", "class"])
    swap = np.random.rand(len(df)) < 0.04
    df.loc[swap, "class"] = 3 - df.loc[swap, "class"]
    return df.sample(frac=1.0, random_state=0)


def to_set(df):
    return TensorDataset(torch.tensor(df[["x", "y"]].values, dtype=torch.float32), torch.tensor(df["class"].values - 1))


train_loader = DataLoader(to_set(frame(200)), batch_size=32, shuffle=True)
val_loader = DataLoader(to_set(frame(500)), batch_size=500)

model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters())
epochs = 5


def run(loader, train):
    model.train(train)
    losses, hits, n = 0.0, 0, 0
    with torch.set_grad_enabled(train):
        for xb, yb in loader:
            out = model(xb)
            loss = criterion(out, yb)
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            losses += loss.item() * len(xb)
            hits += (out.argmax(dim=1) == yb).sum().item()
            n += len(xb)
    return losses / n, hits / n


for epoch in range(epochs):
    train_loss, train_acc = run(train_loader, True)
    val_loss, val_acc = run(val_loader, False)
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} train acc {train_acc:.3f} val loss {val_loss:.4f} val acc {val_acc:.3f}")
