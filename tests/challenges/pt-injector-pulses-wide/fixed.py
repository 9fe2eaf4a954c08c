"""Finding faulty injectors: an autoencoder learns the pressure pulses of sound ones; what it reconstructs badly is suspect."""
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score

torch.manual_seed(17)
EPOCHS = 30
T = torch.linspace(0, 1, 64)


def pulses(n, faulty=False):
    start = 0.25 + 0.1 * torch.rand(n, 1)
    width = 0.06 + 0.04 * torch.rand(n, 1)
    height = 0.8 + 0.4 * torch.rand(n, 1)
    p = height * torch.sigmoid((T - start) / 0.02) * torch.exp(-torch.relu(T - start - width) / 0.12)
    if faulty:
        again = 0.55 + 0.3 * torch.rand(n, 1)
        p = p + (0.12 + 0.15 * torch.rand(n, 1)) * torch.exp(-((T - again) / 0.03) ** 2)
    return (p + 0.05 * torch.randn(n, 64)).unsqueeze(1)


class PulseAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=2, padding=4), nn.LeakyReLU(0.1),
            nn.Conv1d(16, 16, 9, stride=2, padding=4), nn.LeakyReLU(0.1),
            nn.Flatten(), nn.Linear(256, 4),
        )
        self.decoder = nn.Sequential(
            nn.Linear(4, 256), nn.LeakyReLU(0.1), nn.Unflatten(1, (16, 16)),
            nn.ConvTranspose1d(16, 16, 8, stride=2, padding=3), nn.LeakyReLU(0.1),
            nn.ConvTranspose1d(16, 1, 8, stride=2, padding=3),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


train, val = pulses(1500), pulses(400)
suspects = torch.cat([pulses(200), pulses(200, faulty=True)])
broken = torch.cat([torch.zeros(200), torch.ones(200)])
model = PulseAutoencoder()
mse = nn.MSELoss()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, total_steps=EPOCHS * 30)

for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for idx in torch.randperm(1500).chunk(30):
        x = train[idx]
        loss = mse(model(x), x)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        train_loss += loss.item() / 30
    model.eval()
    with torch.no_grad():
        val_loss = mse(model(val), val).item()
        error = (model(suspects) - suspects).pow(2).mean((1, 2))
    print(f"epoch {epoch} train loss {train_loss:.5f} val loss {val_loss:.5f} faulty injectors AUC {roc_auc_score(broken, error):.3f}")
