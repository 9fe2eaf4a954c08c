import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)
epochs = 30


def firings(n):
    """Kiln log: peak temperature, soak, reduction, iron, cooling rate (all standardised); label = colour of the glaze."""
    x = torch.randn(n, 5)
    temp, soak, red, iron, cool = x.unbind(1)
    scores = torch.stack([
        1.5 * red * iron + 0.5 * temp,
        -1.5 * red * iron + 0.5 * soak,
        temp ** 2 - 1 + 0.8 * cool,
        1.2 * iron ** 2 - 1.2 - cool * soak,
    ], dim=1)
    return x, (scores + 0.15 * torch.randn(n, 4)).argmax(1)


class GlazeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(5, 48)
        self.fc2 = nn.Linear(48, 48)
        self.fc3 = nn.Linear(48, 4)
        for fc in (self.fc1, self.fc2, self.fc3):
            nn.init.xavier_uniform_(fc.weight)
            nn.init.zeros_(fc.bias)

    def forward(self, x):
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)


train_set, val_set = TensorDataset(*firings(5000)), TensorDataset(*firings(800))
net = GlazeNet()
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, epochs)

for epoch in range(1, epochs + 1):
    running = 0.0
    for x, y in DataLoader(train_set, batch_size=40, shuffle=True):
        sgd.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        sgd.step()
        running += loss.item() * len(x)
    scheduler.step()
    with torch.no_grad():
        x, y = val_set.tensors
        out = net(x)
        val_loss = F.cross_entropy(out, y).item()
        val_acc = (out.argmax(1) == y).float().mean().item()
    print(f"epoch {epoch}/{epochs} - train loss: {running / len(train_set):.4f} - val loss: {val_loss:.4f} - val acc: {val_acc:.4f}")
