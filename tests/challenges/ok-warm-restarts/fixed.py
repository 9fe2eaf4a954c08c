import math

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

torch.manual_seed(14)
X, y = make_classification(6000, n_features=30, n_informative=12, n_redundant=6, n_classes=4, n_clusters_per_class=2,
                           class_sep=1.1, flip_y=0.08, random_state=3)
X = StandardScaler().fit(X[:4500]).transform(X)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
train = DataLoader(TensorDataset(X[:4500], y[:4500]), batch_size=90, shuffle=True)

net = nn.Sequential(nn.Linear(30, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.2),
                    nn.Linear(96, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 4))
criterion = nn.CrossEntropyLoss()
epochs = 28
sgd = optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
cosine = optim.lr_scheduler.CosineAnnealingWarmRestarts(sgd, T_0=epochs // 7, T_mult=2, eta_min=1e-4)
for epoch in range(epochs):
    net.train()
    epoch_loss = 0.0
    for step, (xb, yb) in enumerate(train):
        sgd.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        sgd.step()
        cosine.step(epoch + step / len(train))
        epoch_loss += loss.item()
    net.eval()
    with torch.no_grad():
        logits = net(X[4500:])
        val_loss = criterion(logits, y[4500:]).item()
        accuracy = (logits.argmax(1) == y[4500:]).float().mean().item()
    print("epoch {:2d}  lr {:.4f}  loss {:.4f}  val loss {:.4f}  acc {:.3f}".format(
        epoch + 1, sgd.param_groups[0]["lr"], epoch_loss / len(train), val_loss, accuracy))
print("final: val loss {:.4f} acc {:.3f}".format(val_loss, accuracy))
