import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)
t = torch.linspace(0, 1, 64)


def beats(n):
    """four kinds of heart beat that differ in the shape of the second wave"""
    kind = torch.randint(0, 4, (n,))
    width = torch.tensor([0.03, 0.06, 0.03, 0.06])[kind][:, None]
    place = torch.tensor([0.55, 0.55, 0.7, 0.7])[kind][:, None] + 0.02 * torch.randn(n, 1)
    x = torch.exp(-((t - 0.3) / 0.03) ** 2) + 0.6 * torch.exp(-((t - place) / width) ** 2) + 0.25 * torch.randn(n, 64)
    return (x - 0.12) / 0.33, kind


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(1, 8, 5), nn.ReLU(), nn.MaxPool1d(2))
        self.fc1 = None
        self.fc2 = nn.Linear(6, 4)

    def forward(self, x):
        x = self.conv(x[:, None]).flatten(1)
        if self.fc1 is None:
            self.fc1 = nn.Linear(x.shape[1], 6)
        return self.fc2(torch.relu(self.fc1(x)))


train = DataLoader(TensorDataset(*beats(2000)), batch_size=50, shuffle=True)
xv, yv = beats(600)
net = Net()
epochs = 14
optimizer = torch.optim.Adam(net.parameters(), lr=6e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.CrossEntropyLoss()
for epoch in range(epochs):
    net.train()
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        out = net(xv)
        vl, va = criterion(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {vl:.4f} val accuracy {va:.3f}")
print(f"final: val loss {vl:.4f}, val accuracy {va:.3f}")
