import torch
from sklearn.datasets import make_moons
from torch import nn

torch.manual_seed(12)


def moons(n, random_state):
    x, y = make_moons(n, noise=0.3, random_state=random_state)
    return torch.tensor(x - [0.5, 0.25], dtype=torch.float32) / 0.7, torch.tensor(y, dtype=torch.float32)[:, None]


x_train, y_train = moons(1500, 12)
x_val, y_val = moons(1000, 13)
net = nn.Sequential(nn.Linear(2, 10), nn.Tanh(), nn.Linear(10, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.9)
epochs = 800
for epoch in range(1, epochs + 1):
    loss = criterion(net(x_train), y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        logit = net(x_val)
        val_loss = criterion(logit, y_val).item()
    print(f"epoch {epoch} loss {loss.item():.4f} val loss {val_loss:.4f}")
accuracy = ((logit > 0).float() == y_val).float().mean().item()
print(f"final: val loss {val_loss:.4f}, val accuracy {accuracy:.3f}")
