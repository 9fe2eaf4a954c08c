import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class AutoEncoder(nn.Module):
    def __init__(self, sizes=(24, 32, 5), output=nn.Identity):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(sizes[0], sizes[1]), nn.ReLU(), nn.Linear(sizes[1], sizes[2]))
        self.decoder = nn.Sequential(nn.Linear(sizes[2], sizes[1]), nn.ReLU(), nn.Linear(sizes[1], sizes[0]), output())

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Detector:
    """finds outliers by their reconstruction error"""

    def __init__(self, epochs=16, lr=4e-3, batch_size=64):
        self.epochs, self.lr, self.batch_size = epochs, lr, batch_size
        self.model = AutoEncoder()

    def fit(self, train, val):
        self.mean, self.std = train.mean(0), train.std(0)
        train, val = (train - self.mean) / self.std, (val - self.mean) / self.std
        loader = DataLoader(TensorDataset(train), batch_size=self.batch_size, shuffle=True)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self.lr, weight_decay=1e-5)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        criterion = nn.MSELoss()
        for epoch in range(self.epochs):
            self.model.train()
            total = 0.0
            for (x,) in loader:
                optimizer.zero_grad()
                loss = criterion(self.model(x), x)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(x) / len(train)
            scheduler.step()
            self.model.eval()
            with torch.no_grad():
                self.val_loss = criterion(self.model(val), val).item()
            print(f"epoch {epoch + 1} loss {total:.4f} val loss {self.val_loss:.4f}")
        return self

    def decision_function(self, x):
        x = (x - self.mean) / self.std
        self.model.eval()
        with torch.no_grad():
            return ((self.model(x) - x) ** 2).mean(1)


if __name__ == "__main__":
    torch.manual_seed(65)
    mixing = torch.randn(5, 24)

    def sensors(n):
        return torch.randn(n, 5) @ mixing + 0.7 * torch.randn(n, 24)

    detector = Detector().fit(sensors(3000), sensors(800))
    ordinary, strange = detector.decision_function(sensors(500)), detector.decision_function(1.4 * torch.randn(500, 24))
    auc = (strange[:, None] > ordinary[None]).float().mean().item()
    print(f"final: val loss {detector.val_loss:.4f}, outlier AUC {auc:.3f}")
