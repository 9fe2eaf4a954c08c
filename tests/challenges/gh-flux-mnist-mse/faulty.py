import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(12)
bunch = load_digits()
pixels = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(bunch.target)
train_idx, val_idx = random_split(range(len(labels)), [1300, len(labels) - 1300])
train_idx, val_idx = list(train_idx), list(val_idx)
mean, std = pixels[train_idx].mean(), pixels[train_idx].std()
pixels = (pixels - mean) / std
train_set = TensorDataset(pixels[train_idx], labels[train_idx])
val_x = pixels[val_idx] + 1.0 * torch.randn(len(val_idx), 1, 8, 8)
val_y = labels[val_idx]

model = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(),
    nn.Conv2d(16, 24, 3), nn.ReLU(),
    nn.Flatten(), nn.Dropout(0.2),
    nn.Linear(24 * 16, 1), nn.Flatten(0),
)
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
epochs = 24
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
loader = DataLoader(train_set, batch_size=32, shuffle=True)

for epoch in range(1, epochs + 1):
    model.train()
    for x, y in loader:
        x = x + 1.0 * torch.randn_like(x)
        optimizer.zero_grad()
        loss = loss_fn(model(x), y.float())
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val_loss = loss_fn(out, val_y.float())
        accuracy = (out.round() == val_y).float().mean()
    print(f"epoch {epoch}: val loss {val_loss.item():.4f} val accuracy {accuracy.item():.4f}")
print(f"final: val loss {val_loss.item():.4f}, val accuracy {accuracy.item():.4f}")
