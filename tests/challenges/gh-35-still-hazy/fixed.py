import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Deblur(nn.Module):
    """encoder and decoder that sharpen a blurred digit"""

    def __init__(self, code=24):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, code))
        self.decoder = nn.Sequential(nn.Linear(code, 96), nn.ReLU(), nn.Linear(96, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        self.criterion = nn.MSELoss()

    def train_epoch(self, loader):
        self.model.train()
        total, count = 0.0, 0
        for blurred, sharp in loader:
            loss = self.criterion(self.model(blurred), sharp)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total, count = total + loss.item() * len(sharp), count + len(sharp)
        return total / count

    @torch.no_grad()
    def validate(self, blurred, sharp):
        self.model.eval()
        return self.criterion(self.model(blurred), sharp).item()

    def fit(self, loader, val, epochs):
        for epoch in range(epochs):
            loss = self.train_epoch(loader)
            print(f"epoch {epoch + 1} loss {loss:.5f} val loss {self.validate(*val):.5f}")
        return self.validate(*val)


torch.manual_seed(40)
sharp = torch.tensor(load_digits().images / 16, dtype=torch.float32)[:, None]
sharp = sharp[torch.randperm(len(sharp))]
kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])[None, None] / 16
blurred = nn.functional.conv2d(sharp, kernel, padding=1) + 0.15 * torch.randn_like(sharp)
loader = DataLoader(TensorDataset(blurred[:1400], sharp[:1400]), batch_size=50, shuffle=True)
trainer = Trainer(Deblur(), lr=3e-3)
val_loss = trainer.fit(loader, (blurred[1400:], sharp[1400:]), epochs=50)
print(f"final: val loss {val_loss:.5f}")
