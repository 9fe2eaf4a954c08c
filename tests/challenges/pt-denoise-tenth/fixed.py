import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Fringes(Dataset):
    """Interference fringes; each item is a picture of short and one of long exposure."""

    def __init__(self, n, size=16):
        a = torch.linspace(-1, 1, size)
        yy, xx = torch.meshgrid(a, a, indexing="ij")
        freq = 2 + 4 * torch.rand(n, 1, 1)
        angle = 3.14 * torch.rand(n, 1, 1)
        bend = torch.rand(n, 1, 1) * 2
        wave = torch.cos(angle) * xx + torch.sin(angle) * yy + 0.3 * bend * xx * yy
        self.long = torch.sin(freq * wave + 6.28 * torch.rand(n, 1, 1))[:, None]
        self.short = self.long + 0.6 * torch.randn(n, 1, size, size)
        self.long = self.long + 0.25 * torch.randn(n, 1, size, size)

    def __len__(self):
        return len(self.long)

    def __getitem__(self, i):
        return self.short[i], self.long[i]


class Denoiser(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 5, padding=2), nn.ReLU(),
            nn.Conv2d(width, width, 5, padding=2), nn.ReLU(),
            nn.Conv2d(width, 1, 5, padding=2),
        )

    def forward(self, x):
        return self.body(x)


class LitDenoiser:
    def __init__(self, lr):
        self.model = Denoiser()
        self.lr = lr

    def configure_optimizers(self, epochs):
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self.lr)
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

    def training_step(self, batch):
        short, long = batch
        return F.mse_loss(self.model(short), long)

    def validation_step(self, batch):
        short, long = batch
        mse = F.mse_loss(self.model(short), long)
        return mse.item(), (10 * torch.log10(4 / mse)).item()


def fit(module, train_loader, val_loader, max_epochs):
    optimizer, scheduler = module.configure_optimizers(max_epochs)
    for epoch in range(max_epochs):
        module.model.train()
        losses = []
        for batch in train_loader:
            loss = module.training_step(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        module.model.eval()
        with torch.no_grad():
            results = torch.tensor([module.validation_step(b) for b in val_loader]).mean(0)
        print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {results[0]:.4f} psnr {results[1]:.2f}")


torch.manual_seed(17)
epochs = 10
train_loader = DataLoader(Fringes(1000), batch_size=32, shuffle=True)
val_loader = DataLoader(Fringes(300), batch_size=100)
fit(LitDenoiser(lr=3e-3), train_loader, val_loader, epochs)
