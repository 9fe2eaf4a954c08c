import resource
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1

torch.manual_seed(40)
EPOCHS = 14
X, y = make_friedman1(n_samples=9000, n_features=10, noise=1.0, random_state=40)
X = torch.tensor(X, dtype=torch.float32) * 2 - 1
y = torch.tensor((y - 14.4) / 5, dtype=torch.float32).unsqueeze(1)
x_train, y_train, x_val, y_val = X[:8000], y[:8000], X[8000:], y[8000:]


class Regressor(nn.Module):
    def __init__(self, width=256):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(10, width), nn.GELU(),
            nn.Linear(width, width), nn.GELU(),
            nn.Linear(width, width), nn.GELU(),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.layers(x)


net = Regressor()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.75)
loss_history = []
for epoch in range(EPOCHS):
    net.train()
    for b in torch.randperm(len(x_train)).split(400):
        optimizer.zero_grad()
        loss = criterion(net(x_train[b]), y_train[b])
        loss.backward(retain_graph=True)
        optimizer.step()
        loss_history.append(loss)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        val_loss = criterion(net(x_val), y_val).item()
    train_loss = float(sum(loss_history[-20:]) / 20)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} memory {memory:.0f} MB")
