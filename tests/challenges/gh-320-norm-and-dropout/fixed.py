import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(44)


def fields(n=3600):
    """eight standardised properties of a field; the harvest is best at middling rain and warmth, and manure helps where lime is right"""
    x = torch.randn(n, 8)
    rain, warmth, manure, lime = x[:, 0], x[:, 1], x[:, 2], x[:, 3]
    harvest = torch.exp(-rain ** 2 / 2) * 2 - 0.5 * (warmth - 0.3) ** 2 + 0.9 * manure * torch.tanh(lime) + 0.2 * x[:, 4]
    harvest = harvest + 0.4 * torch.randn(n)
    return TensorDataset(x, ((harvest - harvest.mean()) / harvest.std())[:, None])


class HarvestNet(nn.Module):
    def __init__(self, features=8, width=64, depth=3, p=0.05):
        super().__init__()
        layers = []
        for i in range(depth):
            layers += [nn.Linear(features if i == 0 else width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(p)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        return self.head(self.body(x))


train_set, val_set = random_split(fields(), [3000, 600])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
val_loader = DataLoader(val_set, batch_size=600)
model = HarvestNet()
epochs = 20
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
mse, mae = nn.MSELoss(), nn.L1Loss()
for epoch in range(epochs):
    model.train()
    running = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = mse(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x) / len(train_set)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            guess = model(x)
            val_loss, val_mae = mse(guess, y).item(), mae(guess, y).item()
    print("epoch %02d - loss %.4f - val loss %.4f - val mae %.4f" % (epoch, running, val_loss, val_mae))
print("final: val loss %.4f, val mae %.4f" % (val_loss, val_mae))
