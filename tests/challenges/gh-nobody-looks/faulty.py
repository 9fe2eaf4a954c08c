import copy
import torch
from torch import nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

torch.manual_seed(9)
data = load_diabetes()
x = torch.tensor(data.data * 21.0, dtype=torch.float32)
y = torch.tensor((data.target - 152) / 77, dtype=torch.float32).unsqueeze(1)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=110, random_state=4)

net = nn.Sequential(nn.Linear(10, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
mse = nn.MSELoss()
epochs = 150

for epoch in range(1, epochs + 1):
    net.train()
    total = 0.0
    for rows in torch.randperm(len(x_train)).split(32):
        opt.zero_grad()
        loss = mse(net(x_train[rows]), y_train[rows])
        loss.backward()
        opt.step()
        total += loss.item() * len(rows)
    print(f"epoch {epoch} train loss {total / len(x_train):.4f}")

net.eval()
with torch.no_grad():
    print(f"final: test mse {mse(net(x_test), y_test).item():.3f} after {epoch} epochs")
