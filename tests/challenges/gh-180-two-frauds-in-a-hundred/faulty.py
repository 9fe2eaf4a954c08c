import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

seed = 5
torch.manual_seed(seed)
X, y = make_classification(9000, 16, n_informative=6, n_redundant=2, n_clusters_per_class=2, weights=[0.98], class_sep=0.9,
                           flip_y=0.005, random_state=seed)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
x_train, y_train, x_val, y_val = X[:6000], y[:6000], X[6000:], y[6000:]


class FraudNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(16, 16)
        self.drop = nn.Dropout(0.2)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        return self.fc2(self.drop(torch.relu(self.fc1(x)))).squeeze(1)


net = FraudNet()
criterion = nn.BCEWithLogitsLoss()
epochs = 12
optimizer = torch.optim.Adam(net.parameters(), lr=6e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    net.train()
    train_loss = 0.0
    for xb, yb in DataLoader(TensorDataset(x_train, y_train), batch_size=100, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / 60
    scheduler.step()
    net.eval()
    with torch.no_grad():
        logits = net(x_val)
        val_loss = criterion(logits, y_val).item()
    accuracy = ((logits > 0) == (y_val > 0)).float().mean().item()
    print(f"epoch {epoch + 1:3d} train loss {train_loss:.4f} val loss {val_loss:.4f} accuracy {accuracy:.4f}")
said = (logits > 0).int()
print(f"final: recall {recall_score(y_val, said):.3f}, balanced accuracy {balanced_accuracy_score(y_val, said):.3f}")
