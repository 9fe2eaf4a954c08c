import torch
import torch.nn.functional as F
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(11)

# articles as word counts, each with any number of the three topics
X, Y = make_multilabel_classification(n_samples=4000, n_features=20, n_classes=3, n_labels=2, random_state=6)
X_train, X_test, y_train, y_test = train_test_split(X, Y, test_size=0.2, random_state=6)
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_test = torch.tensor((X_train - mean) / std).float(), torch.tensor((X_test - mean) / std).float()
y_train, y_test = torch.tensor(y_train).float(), torch.tensor(y_test).float()

model = nn.Sequential(
    nn.Linear(20, 20), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(20, 20), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(20, 3),
)


def probabilities(x):
    return torch.softmax(model(x), dim=-1)


def objective(p, y):
    return F.mse_loss(p, y)


def exact(p, y):
    return ((p > 0.5).float() == y).all(dim=1).float().mean().item()


optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
batch_size = 20
epochs = 20
for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for rows in torch.randperm(len(X_train)).split(batch_size):
        optimizer.zero_grad()
        loss = objective(probabilities(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(rows) / len(X_train)
    model.eval()
    with torch.no_grad():
        p = probabilities(X_test)
    print(f"epoch {epoch + 1:2d}  train loss {train_loss:.4f}  val loss {objective(p, y_test):.4f}  all topics right {exact(p, y_test):.3f}")
