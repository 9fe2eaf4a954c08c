"""Two recordings of the same bird belong together: contrastive learning with a slowly following encoder and a queue of its past keys."""
import copy
from collections import deque
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)
BIRDS, CALL, BATCH, QUEUE = 4000, 24, 64, 2048
EPOCHS = 18
MIX = torch.randn(6, 40) / 6 ** 0.5
UNMIX = torch.randn(8, 40) / 8 ** 0.5


def recordings(birds):
    """A call depends on the bird (six numbers) and on the weather of the day (eight numbers that tell nothing)."""
    def once():
        return torch.tanh(birds @ MIX + 0.5 * torch.randn(len(birds), 8) @ UNMIX) + 0.1 * torch.randn(len(birds), 40)
    return once(), once()


query = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CALL))
key = copy.deepcopy(query).requires_grad_(False)
optimizer = torch.optim.SGD(query.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
train_birds, val_birds = torch.randn(BIRDS, 6), torch.randn(500, 6)
val_a, val_b = recordings(val_birds)
queue = deque(maxlen=QUEUE // BATCH)

for epoch in range(EPOCHS):
    total, steps = 0.0, 0
    for idx in torch.randperm(BIRDS)[:BIRDS // BATCH * BATCH].split(BATCH):
        a, b = recordings(train_birds[idx])
        with torch.no_grad():
            for q, k in zip(query.parameters(), key.parameters()):
                k.lerp_(q, 0.02)
            k = F.normalize(key(b), dim=1)
        q = F.normalize(query(a), dim=1)
        against = torch.cat([k, *queue])
        loss = F.cross_entropy(q @ against.T / 0.2, torch.arange(len(q)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        queue.append(k)
        total += loss.item()
        steps += 1
    schedule.step()
    with torch.no_grad():
        sim = F.normalize(query(val_a), dim=1) @ F.normalize(key(val_b), dim=1).T
        val_loss = F.cross_entropy(sim / 0.2, torch.arange(500)).item()
        found = (sim.argmax(1) == torch.arange(500)).float().mean().item()
    print(f"epoch {epoch} train loss {total / steps:.4f} val loss {val_loss:.4f} found first {found:.3f}")
