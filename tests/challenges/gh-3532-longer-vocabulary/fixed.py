# %%
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

seed = 4
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# %% support tickets: 40 common words and 160 product words, each of which leans to one of six desks
COMMON, PRODUCT, DESKS, LENGTH = 40, 160, 6, 14
desk_of_word = rng.integers(0, DESKS, PRODUCT)


def tickets(n):
    desk = rng.integers(0, DESKS, n)
    words = rng.integers(0, COMMON, (n, LENGTH))
    for i in range(n):
        own = COMMON + np.flatnonzero(desk_of_word == desk[i])
        k = rng.integers(3, 6)
        words[i, rng.choice(LENGTH, k, replace=False)] = rng.choice(own, k)
        words[i, rng.integers(LENGTH)] = COMMON + rng.integers(PRODUCT)
    misrouted = rng.random(n) < 0.1
    desk[misrouted] = rng.integers(0, DESKS, misrouted.sum())
    return TensorDataset(torch.tensor(words), torch.tensor(desk))


train, val = tickets(4000), tickets(800)


# %%
class Router(nn.Module):
    def __init__(self, words, dim=6, hidden=24):
        super().__init__()
        self.embedding = nn.Embedding(words, dim)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * hidden, DESKS))

    def resize_embedding(self, words):
        old = self.embedding.weight.data
        self.embedding = nn.Embedding(words, old.shape[1])
        self.embedding.weight.data[:len(old)] = old

    def forward(self, x):
        states, _ = self.lstm(self.embedding(x))
        return self.head(states.max(1).values)


# %%
epochs = 12
net = Router(COMMON)
net.resize_embedding(COMMON + PRODUCT)
opt = torch.optim.Adam(net.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.LambdaLR(opt, lambda e: (1 - e / epochs) ** 1.5)
loader = DataLoader(train, batch_size=50, shuffle=True)

# %%
for epoch in range(1, epochs + 1):
    net.train()
    losses = []
    for x, y in loader:
        opt.zero_grad()
        loss = cross_entropy(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        losses.append(loss.item())
    schedule.step()
    net.eval()
    with torch.no_grad():
        x, y = val.tensors
        out = net(x)
    print(f"epoch {epoch:2d} | train loss {np.mean(losses):.4f} | val loss {cross_entropy(out, y).item():.4f} | "
          f"val accuracy {(out.argmax(1) == y).float().mean().item():.3f}")
