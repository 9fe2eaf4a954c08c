import argparse

import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--seed", type=int, default=8)
args, _ = parser.parse_known_args()
torch.manual_seed(args.seed)

# customers: 30 measured columns, did they leave within the year?
X, y = make_classification(n_samples=1400, n_features=30, n_informative=6, n_redundant=2, n_clusters_per_class=2,
                           flip_y=0.15, class_sep=1.0, random_state=8)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=1000, random_state=8, stratify=y)
scaler = StandardScaler().fit(X_train)
X_train, X_val = (torch.tensor(scaler.transform(a), dtype=torch.float32) for a in (X_train, X_val))
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class ChurnNet(nn.Module):
    def __init__(self, n_in, width=24, p=0.5):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(p),
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(p),
            nn.Linear(width, 2))

    def forward(self, x):
        return self.layers(x)


net = ChurnNet(X_train.shape[1])
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=3e-2)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(args.epochs):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(X_train)).split(20):
        loss = loss_fn(net(X_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        out = net(X_val)
        train_acc = (net(X_train).argmax(1) == y_train).float().mean().item()
    val_acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {running / len(X_train):.4f} acc {train_acc:.3f}"
          f" val loss {loss_fn(out, y_val).item():.4f} acc {val_acc:.3f}")
