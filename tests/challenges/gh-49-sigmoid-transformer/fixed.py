"""Heat demand of a building (in kW) from a day of weather and use, one value an hour."""
import argparse
import math

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def make_days(n, rng):
    hours = np.arange(24)
    base = rng.normal(0, 1, (n, 1))
    outside = 6 + 6 * base + 4 * np.sin((hours - 9) / 24 * 2 * np.pi) + rng.normal(0, 0.5, (n, 24))
    start = rng.integers(6, 10, (n, 1))
    people = ((hours >= start) & (hours < start + 9)).astype(float)
    wind = np.abs(rng.normal(0, 1, (n, 1))) * np.ones((1, 24))
    before = np.concatenate([np.zeros((n, 1)), people[:, :-1]], 1)
    load = 0.12 * (18 - outside) * (1 + 0.2 * wind) + 1.3 * people + 0.8 * (people - before).clip(0)
    load = np.maximum(load + 0.3, 0.2) + rng.normal(0, 0.12, (n, 24))
    x = np.stack([(outside - 6) / 7, people, wind - 0.8, np.sin(hours / 12 * np.pi) * np.ones((n, 1)),
                  np.cos(hours / 12 * np.pi) * np.ones((n, 1))], 2)
    return TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(load, dtype=torch.float32))


class Transformer(nn.Module):
    def __init__(self, d_input=5, d_model=32, heads=4, layers=2):
        super().__init__()
        self.embed = nn.Linear(d_input, d_model)
        position = torch.arange(24).unsqueeze(1) * torch.exp(torch.arange(0, d_model, 2) * (-math.log(100.0) / d_model))
        self.register_buffer("pe", torch.stack([position.sin(), position.cos()], 2).flatten(1))
        layer = nn.TransformerEncoderLayer(d_model, heads, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.linear = nn.Linear(d_model, 1)

    def forward(self, x):
        encoded = self.encoder(self.embed(x) + self.pe)
        output = self.linear(encoded)
        return output.squeeze(2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, val = make_days(800, rng), make_days(250, rng)
    net = Transformer()
    loss_function = nn.MSELoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    for epoch in range(1, args.epochs + 1):
        net.train()
        total = 0.0
        for x, load in DataLoader(train, batch_size=32, shuffle=True):
            optimizer.zero_grad()
            loss = loss_function(net(x), load)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        scheduler.step()
        net.eval()
        with torch.no_grad():
            x, load = val.tensors
            predicted = net(x)
            val_loss = loss_function(predicted, load).item()
            mae = (predicted - load).abs().mean().item()
        print(f"epoch {epoch} - train loss {total / len(train):.4f} - val loss {val_loss:.4f} - mean error {mae:.3f} kW")
