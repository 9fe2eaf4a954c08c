import torch
import torch.nn as nn

SEED = 5
EPOCHS = 40
torch.manual_seed(SEED)


def spectra(n, bands=40):
    grid = torch.linspace(0, 1, bands)
    centres = torch.tensor([0.15, 0.3, 0.5, 0.68, 0.85])
    shapes = torch.exp(-((grid - centres[:, None]) / 0.08) ** 2)
    amounts = torch.rand(n, 5)
    return amounts @ shapes + 0.08 * torch.randn(n, bands)


class TiedAutoencoder(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(n_hidden, n_in))
        self.hidden_bias = nn.Parameter(torch.zeros(n_hidden))
        self.visible_bias = nn.Parameter(torch.zeros(n_in))

    def forward(self, v):
        h = torch.sigmoid(nn.functional.linear(v, self.weight, self.hidden_bias))
        return nn.functional.linear(h, self.weight.t(), self.visible_bias)


class Trainer:
    def __init__(self, model, train, val, lr=0.003, batch=50):
        self.model, self.train, self.val, self.batch = model, train, val, batch
        self.optimizer = torch.optim.RMSprop(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.02, EPOCHS)
        self.loss = nn.MSELoss()

    def run_epoch(self):
        total = 0.0
        for idx in torch.randperm(len(self.train)).split(self.batch):
            v = self.train[idx]
            loss = self.loss(self.model(v), v)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(v)
        self.scheduler.step()
        return total / len(self.train)

    @torch.no_grad()
    def validate(self):
        out = self.model(self.val)
        mse = self.loss(out, self.val).item()
        return mse, 1 - mse / (self.val - self.train.mean(0)).pow(2).mean().item()

    def fit(self):
        for epoch in range(1, EPOCHS + 1):
            train_loss = self.run_epoch()
            val_loss, explained = self.validate()
            print(f"epoch {epoch} train loss {train_loss:.5f} val loss {val_loss:.5f} explained {explained:.3f}")


Trainer(TiedAutoencoder(40, 8), spectra(2000), spectra(500)).fit()
