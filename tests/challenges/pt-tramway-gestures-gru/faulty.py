import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset

SEED = 17
torch.manual_seed(SEED)
N_STOPS = 24


class Rides(Dataset):
    """A tram driver's lever (3 signals, 30 steps) on the stretch before one of 24 stops."""

    def __init__(self, n, stretches):
        self.stop = torch.randint(0, N_STOPS, (n,))
        self.trace = 0.8 * torch.cumsum(stretches[self.stop], 1) / 2 + 1.5 * torch.randn(n, 30, 3)
        self.trace *= 1 + 0.1 * torch.randn(n, 1, 1)

    def __len__(self):
        return len(self.stop)

    def __getitem__(self, i):
        return self.trace[i], self.stop[i]


class StopNet(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True)
        self.classifier = nn.Sequential(nn.Linear(hidden, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, N_STOPS), nn.Softmax(dim=1))

    def forward(self, x):
        _, h = self.gru(x)
        return self.classifier(h[-1])


class Trainer:
    def __init__(self, model, train, val, epochs=12):
        self.model, self.train_dl, self.val_dl, self.epochs = model, train, val, epochs
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        self.scheduler = optim.lr_scheduler.OneCycleLR(self.optimizer, 0.1, epochs=epochs, steps_per_epoch=len(train))

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for trace, stop in self.train_dl:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(trace), stop)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.scheduler.step()
            total += loss.item() * len(stop)
        return total / len(self.train_dl.dataset)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        total = hits = 0
        for trace, stop in self.val_dl:
            out = self.model(trace)
            total += self.criterion(out, stop).item() * len(stop)
            hits += (out.argmax(1) == stop).sum().item()
        return total / len(self.val_dl.dataset), hits / len(self.val_dl.dataset)

    def fit(self):
        for epoch in range(1, self.epochs + 1):
            loss = self.train_epoch()
            val, acc = self.validate()
            print(f"epoch {epoch} | train loss {loss:.4f} | val loss {val:.4f} | accuracy {acc:.3f}")


stretches = 0.5 * torch.randn(N_STOPS, 30, 3)
train = DataLoader(Rides(3000, stretches), batch_size=60, shuffle=True)
val = DataLoader(Rides(500, stretches), batch_size=250)
Trainer(StopNet(), train, val).fit()
