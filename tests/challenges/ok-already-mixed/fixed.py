import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

EPOCHS = 12


class Shards(IterableDataset):
    """Reads the shards one after another; the records were mixed once, when the shards were written."""

    def __init__(self, shards):
        self.shards = shards

    def __iter__(self):
        for x, y in self.shards:
            yield from zip(x, y)


def write_shards(records, labels, count):
    return [(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))
            for x, y in zip(np.array_split(records, count), np.array_split(labels, count))]


def main(seed=12):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    n = 5000
    ripe = np.arange(n) % 2
    hue = rng.normal(0.9 * (2 * ripe - 1), 1.0)
    firmness = rng.normal(0.0, 1.0, n) - 0.8 * hue * (2 * ripe - 1)
    weight = rng.normal(0.0, 1.0, n)
    sugar = 0.5 * hue ** 2 * np.sign(hue) + 0.3 * weight + rng.normal(0, 0.8, n)
    records = np.stack([hue, firmness, weight, sugar], 1)
    mixed = rng.permutation(n)
    records, ripe = records[mixed], ripe[mixed]

    train = DataLoader(Shards(write_shards(records[:4000], ripe[:4000], 8)), batch_size=50)
    val_x, val_y = TensorDataset(*(torch.tensor(a, dtype=torch.float32) for a in (records[4000:], ripe[4000:]))).tensors

    net = nn.Sequential(nn.Linear(4, 24), nn.ELU(), nn.Linear(24, 24), nn.ELU(), nn.Linear(24, 1))
    optimizer = torch.optim.Adagrad(net.parameters(), lr=0.03)
    bce = nn.BCEWithLogitsLoss()
    for epoch in range(1, EPOCHS + 1):
        losses = []
        for x, y in train:
            loss = bce(net(x).squeeze(1), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            out = net(val_x).squeeze(1)
            val_loss = bce(out, val_y).item()
            accuracy = ((out > 0) == (val_y > 0.5)).float().mean().item()
        print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")


main()
