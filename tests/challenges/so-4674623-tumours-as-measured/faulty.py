import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

SEED = 1
torch.manual_seed(SEED)

X, y = load_breast_cancer(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(X, y, test_size=0.35, random_state=SEED, stratify=y)
x_train, x_test = torch.tensor(x_train).float(), torch.tensor(x_test).float()
y_train, y_test = torch.tensor(y_train).float(), torch.tensor(y_test).float()

model = torch.nn.Sequential(
    torch.nn.Linear(30, 20),
    torch.nn.Tanh(),
    torch.nn.Linear(20, 10),
    torch.nn.Tanh(),
    torch.nn.Linear(10, 1),
    torch.nn.Sigmoid(),
    torch.nn.Flatten(0),
)
loss_fn = torch.nn.BCELoss()
epochs = 60
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.02)

for epoch in range(epochs):
    order = torch.randperm(len(x_train))
    for start in range(0, len(order), 32):
        rows = order[start:start + 32]
        loss = loss_fn(model(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        p = model(x_test)
        val = loss_fn(p, y_test).item()
        acc = ((p > 0.5) == (y_test > 0.5)).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.4f} val loss {val:.4f} acc {acc:.3f}")

print(f"final: val loss {val:.4f}, accuracy {acc:.3f}")
