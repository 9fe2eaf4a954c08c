import time
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(30)
rng = np.random.default_rng(30)
CLASSES, SAMPLES = 4, 2048


def record(kind):
    """Half a second of a machine's sound; the kinds differ in tone and beat, one label in ten is a guess."""
    t = np.arange(SAMPLES) / 4096
    tone = np.sin(2 * np.pi * (60 + 25 * kind) * t + rng.uniform(0, 6.3))
    beat = 1 + np.sin(2 * np.pi * (4 + 2 * kind) * t + rng.uniform(0, 6.3))
    return (rng.uniform(0.1, 0.3) * tone * beat + rng.normal(size=SAMPLES)).astype(np.float32)


def recordings(n):
    kinds = rng.integers(0, CLASSES, n)
    heard = np.where(rng.random(n) < 0.1, rng.integers(0, CLASSES, n), kinds)
    return [(record(k), h) for k, h in zip(kinds, heard)]


def collate(samples):
    waves, kinds = zip(*samples)
    return torch.tensor([list(w) for w in waves], dtype=torch.float32).unsqueeze(1), torch.tensor(kinds)


class SoundNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(1, 8, 129, stride=16, padding=64), nn.BatchNorm1d(8), nn.ReLU(),
                                 nn.Conv1d(8, 16, 9, stride=4, padding=4), nn.BatchNorm1d(16), nn.ReLU(),
                                 nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, CLASSES))

    def forward(self, x):
        return self.net(x)


train_data, val_data = recordings(1200), recordings(400)
train_loader = torch.utils.data.DataLoader(train_data, batch_size=50, shuffle=True, collate_fn=collate)
val_x, val_y = collate(val_data)
net = SoundNet()
epochs = 10
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * len(train_loader))
criterion = nn.CrossEntropyLoss()
start = time.process_time()
for epoch in range(1, epochs + 1):
    net.train()
    train_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        train_loss += loss.item() / len(train_loader)
    net.eval()
    with torch.no_grad():
        out = net(val_x)
        val_loss = criterion(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} acc {acc:.3f} after {time.process_time() - start:.1f} s")
print(f"final: val loss {val_loss:.4f}, accuracy {acc:.3f}, {(time.process_time() - start) / epochs:.2f} s per epoch")
