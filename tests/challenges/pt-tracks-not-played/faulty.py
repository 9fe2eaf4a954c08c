import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(19)
USERS, TRACKS = 220, 150


def simulate():
    scene = torch.randint(0, 5, (USERS,))
    style = torch.randint(0, 5, (TRACKS,))
    like = torch.randn(5, 5)[scene][:, style] * 1.5 - 2.8
    pairs = (torch.rand(USERS, TRACKS) < torch.sigmoid(like)).nonzero()
    return [tuple(p) for p in pairs[torch.randperm(len(pairs))].tolist()]


class Plays(Dataset):
    """Every play together with a track that the listener has not played."""

    def __init__(self, plays, known):
        self.plays = plays
        self.known = list(known)

    def __len__(self):
        return len(self.plays)

    def __getitem__(self, k):
        user, track = self.plays[k]
        other = int(torch.randint(0, TRACKS, ()))
        while (user, other) in self.known:
            other = int(torch.randint(0, TRACKS, ()))
        return user, track, other


class BPR(nn.Module):
    def __init__(self, dim=6):
        super().__init__()
        self.user, self.track = nn.Embedding(USERS, dim), nn.Embedding(TRACKS, dim)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.track.weight, std=0.1)

    def forward(self, user, track, other):
        u = self.user(user)
        return (u * (self.track(track) - self.track(other))).sum(1)


plays = simulate()
cut = int(0.8 * len(plays))
train = DataLoader(Plays(plays[:cut], plays), batch_size=64, shuffle=True)
val_u, val_t, val_o = torch.tensor([Plays(plays[cut:], plays)[k] for k in range(len(plays) - cut)]).T
model = BPR()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.5)

epochs = 14
for epoch in range(1, epochs + 1):
    start = time.perf_counter()
    total = 0.0
    for user, track, other in train:
        loss = -F.logsigmoid(model(user, track, other)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(train)
    took = time.perf_counter() - start
    with torch.no_grad():
        margin = model(val_u, val_t, val_o)
        val = -F.logsigmoid(margin).mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} ranked right {(margin > 0).float().mean():.3f} ({took:.2f} s)")
