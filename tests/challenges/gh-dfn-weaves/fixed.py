import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE = 16
EPS = 1e-6
epochs = 25


def drafts(n, seed):
    """Weaving drafts: threading and treadling run over four shafts, the tie-up says which warp threads are lifted; a few are mis-lifted."""
    rng = np.random.RandomState(seed)
    tieups = np.random.RandomState(3).rand(6, 4, 4) < 0.5
    cloth = np.empty((n, SIZE, SIZE), dtype=np.float32)
    i = np.arange(SIZE)
    for k in range(n):
        point = np.abs((i + rng.randint(6)) % 6 - 3)
        straight = (i + rng.randint(4)) % 4
        cloth[k] = tieups[rng.randint(6)][point[:, None], straight[None]]
    cloth = np.abs(cloth - (rng.rand(*cloth.shape) < 0.03)).astype(np.float32)
    return torch.from_numpy(cloth.reshape(n, -1))


class Autoencoder(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(SIZE * SIZE, 128), nn.ReLU(), nn.Linear(128, code))
        self.decoder = nn.Sequential(nn.Linear(code, 128), nn.ReLU(), nn.Linear(128, SIZE * SIZE))

    def forward(self, x):
        return torch.sigmoid(self.decoder(self.encoder(x)))


def reconstruction_loss(out, cloth):
    return F.binary_cross_entropy(torch.clip(out, EPS, 1 - EPS), cloth)


torch.manual_seed(26)
train, val = drafts(1500, 0), drafts(400, 1)
model = Autoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(epochs):
    losses = []
    for batch in train[torch.randperm(len(train))].split(30):
        loss = reconstruction_loss(model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        out = model(val)
        val_loss = reconstruction_loss(out, val).item()
        wrong = ((out > 0.5) != (val > 0.5)).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {np.mean(losses):.4f}, val loss {val_loss:.4f}, wrong threads {wrong:.4f}")
