import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(36)
pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16
pixels = pixels[torch.randperm(len(pixels))]
train, val = pixels[:1400], pixels[1400:]

encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 12))
decoder = nn.Sequential(nn.ReLU(), nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 64), nn.Sigmoid())
autoencoder = nn.Sequential(encoder, decoder)


def corrupt(x):
    return x * (torch.rand_like(x) > 0.25)


epochs = 40
optimizer = torch.optim.SGD(autoencoder.parameters(), lr=0.4, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for x in train[torch.randperm(len(train))].split(50):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy(autoencoder(corrupt(x)), x)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    with torch.no_grad():
        val_loss = F.binary_cross_entropy(autoencoder(val), val).item()
        error = (autoencoder(val) - val).pow(2).mean().item()
    print(f"epoch {epoch + 1} loss {total / len(train):.4f} val loss {val_loss:.4f} squared error {error:.4f}")
print(f"final: val loss {val_loss:.4f}, squared error {error:.4f} of {val.var(0).mean().item():.4f}")
