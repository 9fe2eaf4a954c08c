import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(55)


class Deep(nn.Module):
    def __init__(self, depth=30, width=24):
        super().__init__()
        self.stem = nn.Linear(10, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for layer in self.layers:
            x = x + torch.relu(layer(self.norm(x)))
        return self.head(x).squeeze(-1)


def strength(n):
    """strength of concrete from ten ingredients (invented): interactions, a saturation, measuring errors"""
    x = torch.rand(n, 10)
    y = 3 * x[:, 0] * x[:, 1] + torch.sin(4 * x[:, 2]) - 2 * (x[:, 3] - 0.5) ** 2 + torch.tanh(3 * x[:, 4] - x[:, 5])
    return (x - 0.5) / 0.29, (y - 1.1) / 1.1 + 0.6 * torch.randn(n)


train = DataLoader(TensorDataset(*strength(4000)), batch_size=100, shuffle=True)
x_val, y_val = strength(800)
model = Deep()
epochs = 12
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.5)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()
for epoch in range(epochs):
    for x, y in train:
        loss = mse(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        val_loss = mse(model(x_val), y_val).item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f}")
print(f"final: unexplained variance {val_loss / y_val.var().item():.3f}")
