import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)
STEPS, OBS, KINDS = 24, 6, 5
epochs = 11


def episodes(n, generator):
    """observations of a walk; one step is a stumble, whose pattern tells the kind of ground"""
    patterns = torch.randn(KINDS, OBS, generator=torch.Generator().manual_seed(0))
    x = torch.randn(n, STEPS, OBS, generator=generator) * 0.8
    kind = torch.randint(0, KINDS, (n,), generator=generator)
    when = torch.randint(2, STEPS - 2, (n,), generator=generator)
    rows = torch.arange(n)
    x[rows, when] += 1.1 * patterns[kind]
    x[rows, when - 1] += 1.0
    return x, kind


class AttentionPool(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, states):
        weights = F.softmax(self.score(states), dim=1)
        return (weights * states).sum(1)


class Actor(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(OBS, hidden, batch_first=True)
        self.pool = AttentionPool(hidden)
        self.head = nn.Linear(hidden, KINDS)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.head(self.pool(states))


g = torch.Generator().manual_seed(14)
x_train, y_train = episodes(2500, g)
x_val, y_val = episodes(600, g)
actor = Actor()
optimizer = torch.optim.AdamW(actor.parameters(), lr=4e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    actor.train()
    running = 0.0
    for b in torch.randperm(len(x_train)).split(50):
        loss = F.cross_entropy(actor(x_train[b]), y_train[b])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(actor.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * len(b) / len(x_train)
    scheduler.step()
    actor.eval()
    with torch.no_grad():
        logits = actor(x_val)
        val_loss = F.cross_entropy(logits, y_val).item()
        acc = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1:2d} | train loss {running:.4f} | val loss {val_loss:.4f} | accuracy {acc:.3f}")
print(f"final: accuracy {acc:.3f}, val loss {val_loss:.3f}")
