# Autoencoder for engine sounds (exported from a notebook)
import resource
import torch
from torch import nn

torch.manual_seed(8)
EPOCHS = 11
batch_size = 50

# In [2]: short spectrograms: a fundamental with overtones that wanders over time
def recordings(n):
    f0 = 2.5 + 2.5 * torch.rand(n, 1, 1)
    slope = torch.randn(n, 1, 1)
    time = torch.linspace(-1, 1, 32).view(1, 1, 32)
    freq = torch.arange(32).view(1, 32, 1).float()
    spec = torch.zeros(n, 32, 32)
    for k in range(1, 5):
        spec += torch.exp(-((freq - k * (f0 + slope * time)) ** 2) / 4) / k ** 0.5
    return (spec + 0.25 * torch.randn(n, 32, 32)).unsqueeze(1)


train, val = recordings(600), recordings(400)

# In [3]: model
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ELU(),
    nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ELU(),
    nn.Flatten(), nn.Linear(1024, 16),
    nn.Linear(16, 1024), nn.ELU(), nn.Unflatten(1, (16, 8, 8)),
    nn.Upsample(scale_factor=2), nn.Conv2d(16, 16, 3, padding=1), nn.ELU(),
    nn.Upsample(scale_factor=2), nn.Conv2d(16, 1, 3, padding=1))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
criterion = nn.MSELoss()

# In [4]: training
train_curve, val_curve = [], []
for epoch in range(EPOCHS):
    model.train()
    train_loss = 0
    for batch in train[torch.randperm(len(train))].split(batch_size):
        optimizer.zero_grad()
        loss = criterion(model(batch), batch)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(batch)
    scheduler.step()
    train_curve.append(train_loss / len(train))

    model.eval()
    val_loss = 0
    for batch in val.split(batch_size):
        loss = criterion(model(batch), batch)
        val_loss += loss.item() * len(batch)
    val_curve.append(val_loss / len(val))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"epoch {epoch + 1} train loss {train_curve[-1]:.5f} val loss {val_curve[-1]:.5f} memory {used:.0f} MB")

# In [5]: for the plot
print("validation curve", " ".join(f"{v:.4f}" for v in val_curve))
