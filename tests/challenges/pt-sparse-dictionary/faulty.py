"""Sparse autoencoder on the activations of a model: an overcomplete dictionary of features, few of which fire at a time."""
import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=18)
parser.add_argument("--l1", type=float, default=8.0)
parser.add_argument("--lr", type=float, default=4e-3)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
torch.manual_seed(args.seed)

WIDTH, FEATURES, DICTIONARY = 32, 64, 96
directions = nn.functional.normalize(torch.randn(FEATURES, WIDTH), dim=1)


def activations(n):
    firing = (torch.rand(n, FEATURES) < 0.06).float() * (0.5 + torch.rand(n, FEATURES))
    return firing @ directions + 0.05 * torch.randn(n, WIDTH)


class SparseAutoencoder(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        self.encoder = nn.Linear(width, size)
        self.decoder = nn.Linear(size, width)
        with torch.no_grad():
            self.decoder.weight.div_(self.decoder.weight.norm(dim=0, keepdim=True))
            self.encoder.weight.copy_(self.decoder.weight.T)
            self.encoder.bias.zero_()

    def forward(self, x):
        code = torch.relu(self.encoder(x - self.decoder.bias))
        return self.decoder(code), code

    @torch.no_grad()
    def unit_columns(self):
        self.decoder.weight.div_(self.decoder.weight.norm(dim=0, keepdim=True))


def objective(model, x):
    recon, code = model(x)
    error = (recon - x).pow(2).sum(1).mean()
    return error + args.l1 * code.sum(1).mean(), error, code


train, held_out = activations(8000), activations(2000)
variance = (held_out - held_out.mean(0)).pow(2).sum(1).mean()
model = SparseAutoencoder(WIDTH, DICTIONARY)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.99))

for epoch in range(1, args.epochs + 1):
    mean_loss = 0.0
    for batch in train[torch.randperm(len(train))].split(100):
        loss, _, _ = objective(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.unit_columns()
        mean_loss += loss.item() * len(batch) / len(train)
    with torch.no_grad():
        val, error, code = objective(model, held_out)
    print(f"epoch {epoch} train loss {mean_loss:.4f} val loss {val:.4f} unexplained {error / variance:.3f} "
          f"active per row {(code > 0).float().sum(1).mean():.2f} features in use {int((code > 0).any(0).sum())}")
