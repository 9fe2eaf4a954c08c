import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

np.random.seed(2)
torch.manual_seed(2)


def measure_flowers(n):
    """sepal length and width, petal length and width of three kinds, in centimetres"""
    means = np.array([[5.0, 3.4, 1.5, 0.3], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.5, 2.0]])
    kind = np.random.randint(0, 3, n)
    size = np.random.normal(0, 0.3, (n, 1))
    X = means[kind] + size * np.array([1.0, 0.7, 0.8, 0.3]) + np.random.normal(0, [0.3, 0.3, 0.55, 0.33], (n, 4))
    return X, kind


X, y = measure_flowers(500)
names = ["setosa", "versicolor", "virginica"]
X_scaled = StandardScaler().fit_transform(X)
X_train, X_test, y_train, y_test = train_test_split(X_scaled, y, test_size=0.5, random_state=2)
X_train, X_test = torch.tensor(X_train, dtype=torch.float32), torch.tensor(X_test, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

n_features, n_classes = X.shape[1], len(names)
model = nn.Sequential(
    nn.Linear(n_features, 8),
    nn.ReLU(),
    nn.Linear(8, n_classes),
    nn.Sigmoid(),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
criterion = nn.CrossEntropyLoss()

epochs = 35
for epoch in range(epochs):
    model.train()
    batch_losses = []
    for rows in torch.randperm(len(X_train)).split(5):
        optimizer.zero_grad()
        loss = criterion(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        out = model(X_test)
        val = criterion(out, y_test).item()
        accuracy = (out.argmax(dim=1) == y_test).float().mean().item()
        sure = torch.softmax(out, dim=1).max(dim=1).values.mean().item()
    print(f"epoch {epoch + 1} train loss {np.mean(batch_losses):.4f} val loss {val:.4f} accuracy {accuracy:.4f} confidence {sure:.3f}")
