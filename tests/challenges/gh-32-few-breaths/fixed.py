import argparse
import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

parser = argparse.ArgumentParser(description="exhaled volume from a breath sound, cut into patches")
parser.add_argument("--seed", type=int, default=4)
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--train-size", type=int, default=4000)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--lr", type=float, default=2e-3)
args = parser.parse_args()
torch.manual_seed(args.seed)

PATCHES, WIDTH = 12, 8


def record(n):
    t = torch.linspace(0, 1, PATCHES * WIDTH)
    onset, length = 0.1 + 0.4 * torch.rand(n, 1), 0.15 + 0.3 * torch.rand(n, 1)
    loud, pitch = 0.5 + torch.rand(n, 1), 10 + 20 * torch.rand(n, 1)
    envelope = torch.sigmoid((t - onset) * 40) * torch.sigmoid((onset + length - t) * 40)
    sound = loud * envelope * torch.sin(2 * math.pi * pitch * t + 6.28 * torch.rand(n, 1))
    sound = sound + 0.15 * torch.randn(n, PATCHES * WIDTH)
    volume = 4 * loud * length + 0.25 * torch.randn(n, 1)
    return sound.view(n, PATCHES, WIDTH), volume.squeeze(1) - 1.2


class PatchTransformer(nn.Module):
    def __init__(self, dim=32, depth=2, heads=4):
        super().__init__()
        self.embed = nn.Linear(WIDTH, dim)
        self.cls = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.pos = nn.Parameter(torch.randn(1, PATCHES + 1, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 1))

    def forward(self, x):
        x = self.embed(x)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        return self.head(self.encoder(x)[:, 0]).squeeze(1)


valid = TensorDataset(*record(1000))
train = TensorDataset(*record(args.train_size))
sampler = RandomSampler(train, replacement=True, num_samples=4000)
loader = DataLoader(train, batch_size=args.batch_size, sampler=sampler)

model = PatchTransformer()
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(loader))
mse = nn.MSELoss()

for epoch in range(1, args.epochs + 1):
    model.train()
    running = 0.0
    for sounds, volumes in loader:
        loss = mse(model(sounds), volumes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        out = model(valid.tensors[0])
        val = mse(out, valid.tensors[1]).item()
        r2 = 1 - val / valid.tensors[1].var().item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val:.4f} r2 {r2:.3f}")
