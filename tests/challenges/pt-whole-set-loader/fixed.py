import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class WheatData:
    """Yield of wheat lines from 500 genetic markers; the lines of the next year are kept for the final test."""

    def __init__(self, batch_size=32):
        self.batch_size = batch_size
        effects = torch.randn(500) * (torch.rand(500) < 0.2) / 6.5
        self.dataset = self.make(800, effects)
        self.test_dataset = self.make(400, effects)

    def make(self, n, effects):
        parents = torch.randn(n, 25) @ torch.randn(25, 500, generator=torch.Generator().manual_seed(1)) / 5
        x = torch.sign(parents + 0.8 * torch.randn(n, 500))
        y = x @ effects + 0.3 * torch.randn(n)
        return TensorDataset(x, y)

    def setup(self):
        n_val = len(self.dataset) // 5
        self.train_dataset, self.val_dataset = random_split(self.dataset, [len(self.dataset) - n_val, n_val])

    def train_dataloader(self):
        return DataLoader(self.train_dataset, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val_dataset, batch_size=100)

    def test_dataloader(self):
        return DataLoader(self.test_dataset, batch_size=100)


class YieldNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(500, 64), nn.LeakyReLU(), nn.Linear(64, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)

    def training_step(self, batch):
        x, y = batch
        return nn.functional.mse_loss(self(x), y)

    def evaluate(self, loader):
        errors = [(self(x) - y) ** 2 for x, y in loader]
        return torch.cat(errors).mean().item()


def fit(model, data, epochs=20):
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01, weight_decay=0.05)
    train_loader, val_loader = data.train_dataloader(), data.val_dataloader()
    for epoch in range(epochs):
        total = 0.0
        for batch in train_loader:
            optimizer.zero_grad()
            loss = model.training_step(batch)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(train_loader)
        with torch.no_grad():
            val = model.evaluate(val_loader)
            test = model.evaluate(data.test_dataloader())
        print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} next year {test:.4f}")


torch.manual_seed(21)
data = WheatData()
data.setup()
fit(YieldNet(), data)
