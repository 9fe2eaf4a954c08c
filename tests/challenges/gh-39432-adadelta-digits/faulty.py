import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)
epochs = 50
batch_size = 32

pixels = load_digits().data.astype("float32") / 16.0
x_train, x_test = train_test_split(pixels, test_size=0.2, random_state=1)
x_train, x_test = torch.from_numpy(x_train), torch.from_numpy(x_test)
print(x_train.shape, x_test.shape)


class Autoencoder(nn.Module):
    def __init__(self, encoding_dim=12):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, encoding_dim), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(encoding_dim, 48), nn.ReLU(), nn.Linear(48, 64), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


autoencoder = Autoencoder()
optimizer = torch.optim.Adadelta(autoencoder.parameters(), lr=0.001, rho=0.95)
criterion = nn.BCELoss()
loader = DataLoader(TensorDataset(x_train), batch_size=batch_size, shuffle=True)

for epoch in range(epochs):
    autoencoder.train()
    total = 0.0
    for (batch,) in loader:
        optimizer.zero_grad()
        loss = criterion(autoencoder(batch), batch)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    autoencoder.eval()
    with torch.no_grad():
        decoded = autoencoder(x_test)
        val_loss = criterion(decoded, x_test).item()
    print(f"epoch {epoch + 1}/{epochs} loss {total / len(x_train):.4f} val loss {val_loss:.4f}")

error = ((decoded - x_test) ** 2).mean().item()
baseline = ((x_train.mean(0) - x_test) ** 2).mean().item()
print(f"final: reconstruction mse {error:.4f}, mse of the mean digit {baseline:.4f}")
