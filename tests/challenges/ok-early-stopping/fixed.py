import copy
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopping:
    def __init__(self, patience=4, min_delta=1e-3):
        self.patience, self.min_delta = patience, min_delta
        self.best, self.waited, self.weights = np.inf, 0, None

    def step(self, value, model):
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
            self.weights = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience


torch.manual_seed(40)
epochs = 60
X, y = make_classification(n_samples=4000, n_features=20, n_informative=10, n_redundant=4, n_classes=3,
                           n_clusters_per_class=2, class_sep=1.2, flip_y=0.08, random_state=7)
X = torch.tensor((X - X[:3000].mean(0)) / X[:3000].std(0), dtype=torch.float32)
y = torch.tensor(y)
train = DataLoader(TensorDataset(X[:3000], y[:3000]), batch_size=64, shuffle=True)
x_val, y_val = X[3000:], y[3000:]

model = nn.Sequential(
    nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(64, 3),
)
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()
stopper = EarlyStopping()

for epoch in range(epochs):
    model.train()
    seen = total = 0.0
    for xb, yb in train:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
        seen += len(yb)
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
        val_acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / seen:.4f} val loss {val_loss:.4f} val acc {val_acc:.4f}")
    if stopper.step(val_loss, model):
        print("stopped after epoch", epoch + 1)
        break
model.load_state_dict(stopper.weights)
model.eval()
with torch.no_grad():
    out = model(x_val)
print(f"kept model: loss {criterion(out, y_val).item():.4f} accuracy {(out.argmax(1) == y_val).float().mean().item():.4f}")
