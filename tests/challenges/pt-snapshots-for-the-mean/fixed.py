# recommend the next song of an evening from the three before it; validated with the mean of the latest weights
import resource
from collections import deque
import torch
import torch.nn as nn

torch.manual_seed(5)
SONGS, DIM, MEAN_OF = 6000, 32, 10
EPOCHS = 8
MOODS = 40


def evenings(n):
    """Song number s is of mood s % MOODS; an evening keeps to its mood but for a stray song."""
    evening = torch.randint(0, MOODS, (n, 1))
    songs = evening + MOODS * torch.randint(0, SONGS // MOODS, (n, 4))
    songs = torch.where(torch.rand(n, 4) < 0.15, torch.randint(0, SONGS, (n, 4)), songs)
    return songs[:, :3], songs[:, 3] % MOODS


class NextSong(nn.Module):
    def __init__(self):
        super().__init__()
        self.song = nn.Embedding(SONGS, DIM)
        self.out = nn.Linear(DIM, MOODS)

    def forward(self, x):
        return self.out(self.song(x).mean(1))


val_x, val_y = evenings(2000)
net, averaged = NextSong(), NextSong()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
ce = nn.CrossEntropyLoss()
snapshots = deque(maxlen=MEAN_OF)

for epoch in range(EPOCHS):
    train_x, train_y = evenings(12000)
    total = 0.0
    for idx in torch.randperm(len(train_x)).split(200):
        optimizer.zero_grad()
        loss = ce(net(train_x[idx]), train_y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
        snapshots.append({k: v.clone() for k, v in net.state_dict().items()})
    last = list(snapshots)[-MEAN_OF:]
    averaged.load_state_dict({k: sum(s[k] for s in last) / len(last) for k in last[0]})
    with torch.no_grad():
        out = averaged(val_x)
        val_loss = ce(out, val_y).item()
        hits = (out.argmax(1) == val_y).float().mean().item()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"epoch {epoch} train loss {total / len(train_x):.4f} val loss {val_loss:.4f} hits {hits:.3f} peak memory {peak:.0f} MB")
