import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

torch.manual_seed(17)
LATENT = 2
pixels = load_digits().data.astype(np.float32) / 16
pixels = torch.from_numpy(pixels[np.random.RandomState(17).permutation(len(pixels))]).view(-1, 1, 8, 8)
train, test = pixels[:1400], pixels[1400:]


class ConvAE(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.GELU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GELU(),
            nn.Flatten(), nn.Linear(128, latent))
        self.decoder = nn.Sequential(
            nn.Linear(latent, 128), nn.GELU(), nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.GELU(),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = ConvAE(LATENT)
loss_fn = nn.BCEWithLogitsLoss()
epochs = 30
optimizer = torch.optim.NAdam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs)
loader = DataLoader(train, batch_size=50, shuffle=True)
for epoch in range(epochs):
    batch_losses = []
    for img in loader:
        recon = model(img)
        loss = loss_fn(recon, img)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    scheduler.step()
    with torch.no_grad():
        recon = model(test)
        test_loss = loss_fn(recon, test).item()
        rmse = (torch.sigmoid(recon) - test).pow(2).mean().sqrt().item()
    print(f"epoch {epoch + 1}/{epochs} train loss {np.mean(batch_losses):.4f} val loss {test_loss:.4f} rmse {rmse:.4f}")
