import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

torch.manual_seed(1)


def crosses(n, size=12):
    """Bright crosses of any place, length and tilt on a dark ground."""
    yy, xx = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    cx, cy = 3 + 5 * torch.rand(n, 1, 1), 3 + 5 * torch.rand(n, 1, 1)
    a = 0.5 * torch.rand(n, 1, 1)
    u = (xx - cx) * a.cos() + (yy - cy) * a.sin()
    v = (yy - cy) * a.cos() - (xx - cx) * a.sin()
    arm = torch.maximum(torch.exp(-u ** 2) * torch.sigmoid(8 - 2 * v.abs()), torch.exp(-v ** 2) * torch.sigmoid(8 - 2 * u.abs()))
    return (arm + 0.05 * torch.rand(n, size, size)).clamp(0, 1).flatten(1)


class VAE(nn.Module):
    def __init__(self, pixels=144, latent=5):
        super().__init__()
        self.fc1 = nn.Linear(pixels, 128)
        self.fc21 = nn.Linear(128, latent)
        self.fc22 = nn.Linear(128, latent)
        self.fc3 = nn.Linear(latent, 128)
        self.fc4 = nn.Linear(128, pixels)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return self.fc4(F.relu(self.fc3(z)))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    bce = F.binary_cross_entropy_with_logits(recon_x, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


train, test = crosses(4000), crosses(1000)
train_loader = DataLoader(train, batch_size=64, shuffle=True)
model = VAE()
epochs = 20
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    model.train()
    train_loss = 0.0
    for data in train_loader:
        optimizer.zero_grad()
        recon, mu, logvar = model(data)
        loss = loss_function(recon, data, mu, logvar)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        recon, mu, logvar = model(test)
        val_loss = loss_function(recon, test, mu, logvar).item() / len(test)
        r2 = 1 - (recon.sigmoid() - test).pow(2).mean().item() / (test - test.mean(0)).pow(2).mean().item()
    print(f"epoch {epoch} average loss {train_loss:.3f} val loss {val_loss:.3f} variance reconstructed {r2:.3f}")
print(f"final: val loss {val_loss:.3f}, variance of the pixels reconstructed {r2:.3f}")
