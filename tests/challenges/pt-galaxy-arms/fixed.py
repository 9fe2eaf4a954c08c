import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
ARMS = 5
EPOCHS = 40


def stars(n):
    """Stars seen from above: distance from the centre and angle grow together along each arm of the galaxy."""
    arm = torch.randint(0, ARMS, (n,))
    r = 0.25 + 1.75 * torch.rand(n).sqrt()
    angle = 2.0 * r + arm * 2 * math.pi / ARMS + 0.3 * torch.randn(n)
    return torch.stack([r * angle.cos(), r * angle.sin()], 1), arm


train_x, train_y = stars(3000)
val_x, val_y = stars(1000)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=100, shuffle=True)

HIDDEN = 64
model = nn.Sequential(
    nn.Linear(2, HIDDEN),
    nn.ReLU(),
    nn.Linear(HIDDEN, HIDDEN),
    nn.ReLU(),
    nn.Linear(HIDDEN, ARMS),
)
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)

for epoch in range(1, EPOCHS + 1):
    model.train()
    running = 0.0
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x)
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val_loss = F.cross_entropy(out, val_y).item()
        accuracy = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {running / len(train_x):.4f} val loss {val_loss:.4f} val accuracy {accuracy:.3f}")
