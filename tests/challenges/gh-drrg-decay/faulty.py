import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

WEIGHT_DECAY = 0.1
PLAYERS, TEAM = 40, 5


class MatchModel(nn.Module):
    """Who wins? Two teams of five players each."""

    def __init__(self, dim=24):
        super().__init__()
        self.player = nn.Embedding(PLAYERS, dim)
        self.side = nn.Embedding(2, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(dim, 48), nn.GELU(), nn.Linear(48, dim))
        self.out = nn.Linear(dim, 1)

    def forward(self, players):
        side = torch.arange(2).repeat_interleave(TEAM)
        h = self.player(players) + self.side(side)
        z = self.norm1(h)
        h = h + self.attention(z, z, z, need_weights=False)[0]
        h = h + self.mlp(self.norm2(h))
        return self.out(h.mean(1)).squeeze(1)


def season(matches):
    strength = torch.randn(PLAYERS)
    players = torch.stack([torch.randperm(PLAYERS)[:2 * TEAM] for _ in range(matches)])
    s = strength[players]
    margin = s[:, :TEAM].sum(1) - s[:, TEAM:].sum(1)
    return TensorDataset(players, (margin + 1.5 * torch.randn(matches) > 0).float())


def run(epochs=12):
    torch.manual_seed(29)
    train, val = random_split(season(3000), [2200, 800])
    loader, val_loader = DataLoader(train, 44, shuffle=True), DataLoader(val, 800)
    model = MatchModel()
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=WEIGHT_DECAY)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        for players, won in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(players), won)
            loss.backward()
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            players, won = next(iter(val_loader))
            logits = model(players)
            val_loss = loss_fn(logits, won).item()
            accuracy = ((logits > 0) == (won > 0)).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} accuracy {accuracy:.4f}")
    return val_loss, accuracy


print("final: val loss {:.4f}, accuracy {:.4f}".format(*run()))
