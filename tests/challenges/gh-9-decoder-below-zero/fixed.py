import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

seed = 22
torch.manual_seed(seed)
np.random.seed(seed)


class ConvAutoencoder(nn.Module):
    def __init__(self, code=10):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ELU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ELU(),
            nn.Flatten(),
            nn.Linear(16 * 16, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 16 * 16),
            nn.ELU(),
            nn.Unflatten(1, (16, 4, 4)),
            nn.Conv2d(16, 8, 3, padding=1),
            nn.ELU(),
            nn.ConvTranspose2d(8, 1, 2, stride=2),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def load():
    pictures = load_digits().images.astype("float32")
    pictures = (pictures - pictures.mean()) / pictures.std()
    pictures = pictures + 0.4 * np.random.randn(*pictures.shape).astype("float32")
    pictures = torch.from_numpy(pictures[np.random.permutation(len(pictures))]).unsqueeze(1)
    return pictures[:1400], pictures[1400:]


def train(model, train_pictures, val_pictures, epochs=20):
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    criterion = nn.MSELoss()
    for epoch in range(epochs):
        total = 0.0
        for picture in DataLoader(train_pictures, batch_size=50, shuffle=True):
            loss = criterion(model(picture), picture)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(picture)
        scheduler.step()
        with torch.no_grad():
            val_loss = criterion(model(val_pictures), val_pictures).item()
        print(f"epoch {epoch + 1}: loss {total / len(train_pictures):.4f} val loss {val_loss:.4f}")
    return val_loss


val_loss = train(ConvAutoencoder(), *load())
print(f"final: val loss {val_loss:.4f}")
