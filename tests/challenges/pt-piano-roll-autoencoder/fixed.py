import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(63)


def piano_rolls(n, keys=24, steps=16):
    """One bar: a bass note held over each half, a chord on the beat and a short run, played with slips."""
    roll = torch.zeros(n, 1, keys, steps)
    for i in range(n):
        root = int(torch.randint(0, 8, (1,)))
        minor = int(torch.randint(0, 2, (1,)))
        roll[i, 0, root, :8] = 1
        roll[i, 0, (root + 5) % 8, 8:] = 1
        for note in (root + 8, root + 12 - minor, root + 15):
            start = 4 * int(torch.randint(0, 3, (1,)))
            roll[i, 0, note, start:start + 6] = 1
        first, up = int(torch.randint(0, 4, (1,))), int(torch.randint(0, 2, (1,)))
        for k in range(6):
            roll[i, 0, (12 + first + (k if up else 8 - k)) % keys, 10 + k] = 1
    slips = torch.rand_like(roll) < 0.03
    return torch.where(slips, 1 - roll, roll)


class RollAutoencoder(nn.Module):
    def __init__(self, code=24):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Flatten(), nn.Linear(24 * 6 * 4, code))
        self.decoder = nn.Sequential(
            nn.Linear(code, 24 * 6 * 4), nn.LeakyReLU(0.1), nn.Unflatten(1, (24, 6, 4)),
            nn.ConvTranspose2d(24, 12, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(12, 1, 4, stride=2, padding=1))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def f1(out, x):
    hit = ((out > 0).float() * x).sum()
    return (2 * hit / ((out > 0).sum() + x.sum())).item()


train_x, val_x = piano_rolls(2000), piano_rolls(400)
net = RollAutoencoder()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
epochs = 18
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, total_steps=epochs * 40)
for epoch in range(epochs):
    net.train()
    running = 0.0
    for xb in train_x[torch.randperm(2000)].split(50):
        loss = F.binary_cross_entropy_with_logits(net(xb), xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        running += loss.item() / 40
    net.eval()
    with torch.no_grad():
        out = net(val_x)
        val = F.binary_cross_entropy_with_logits(out, val_x).item()
    print(f"epoch {epoch + 1}: train loss {running:.4f}, val loss {val:.4f}, F1 of the notes {f1(out, val_x):.3f}")
