import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(52)

digits = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
digits = digits[torch.randperm(len(digits))]
train, val = digits[:1400], digits[1400:]
noisy_val = val + 0.5 * torch.randn_like(val)


class ConvAutoencoder(nn.Module):
    def __init__(self, code=8):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Flatten(), nn.Linear(32 * 2 * 2, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 32 * 2 * 2), nn.LeakyReLU(0.1), nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


autoencoder = ConvAutoencoder()
epochs = 30
optimizer = torch.optim.Adam(autoencoder.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [epochs // 2, epochs * 3 // 4, epochs * 7 // 8], gamma=0.3)
criterion = nn.MSELoss()
for epoch in range(epochs):
    autoencoder.train()
    epoch_loss = 0.0
    for batch in train[torch.randperm(len(train))].split(50):
        noisy = batch + 0.5 * torch.randn_like(batch)
        optimizer.zero_grad()
        loss = criterion(autoencoder(noisy), batch)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch)
    scheduler.step()
    autoencoder.eval()
    with torch.no_grad():
        val_loss = criterion(autoencoder(noisy_val), val).item()
    print(f"epoch {epoch + 1} loss {epoch_loss / len(train):.5f} val loss {val_loss:.5f}")
explained = 1 - val_loss / ((val - val.mean(0)) ** 2).mean().item()
print(f"final: val loss {val_loss:.5f}, explained {explained:.3f}")
