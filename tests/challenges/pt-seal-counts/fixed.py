import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

BATCH = 16
epochs = 25


class IceFloes(Dataset):
    """Aerial tiles of sea ice with dark seals on it, and the number of seals as an observer gave it."""

    def __init__(self, n, seed, size=32):
        g = torch.Generator().manual_seed(seed)
        yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        ice = torch.nn.functional.interpolate(torch.rand(n, 1, 5, 5, generator=g), size, mode="bilinear")
        self.count = torch.randint(0, 13, (n,), generator=g).float()
        self.image = 0.5 + 0.5 * ice + 0.08 * torch.randn(n, 1, size, size, generator=g)
        for k in range(n):
            for cy, cx in (torch.rand(int(self.count[k]), 2, generator=g) * (size - 4) + 2).tolist():
                self.image[k, 0] -= 0.6 * torch.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 2.0)
        self.image = (self.image - 0.7) / 0.2
        self.count = (self.count + torch.randn(n, generator=g) - 6) / 4

    def __len__(self):
        return len(self.count)

    def __getitem__(self, i):
        return self.image[i], self.count[i]


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.front = nn.Sequential(nn.Conv2d(1, 12, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(),
                                   nn.AvgPool2d(4), nn.Flatten())
        self.head = nn.Sequential(nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.head(self.front(x)).squeeze(1)


torch.manual_seed(12)
train_loader = DataLoader(IceFloes(900, 1), batch_size=BATCH, shuffle=True)
val_loader = DataLoader(IceFloes(200, 2), batch_size=100)
model = Counter()
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [int(0.7 * epochs)], gamma=0.3)

for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for img, count in train_loader:
        loss = criterion(model(img), count)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(img) / 900
    scheduler.step()
    model.eval()
    val_loss = mae = 0.0
    with torch.no_grad():
        for img, count in val_loader:
            out = model(img)
            val_loss += criterion(out, count).item() * len(img) / 200
            mae += 4 * (out - count).abs().sum().item() / 200
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} mean count error {mae:.2f}")
