import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(19)
WORDS = ["yes", "no", "stop", "go", "left", "right"]
BANDS, FRAMES = 16, 32

# every word is a path of two formants through the spectrogram; one recording in ten was noted down wrongly
paths = np.random.RandomState(3).uniform(2, BANDS - 3, size=(len(WORDS), 2, 4))


def spectrograms(n, seed):
    rng = np.random.RandomState(seed)
    word = rng.randint(0, len(WORDS), n)
    out = np.empty((n, BANDS, FRAMES), dtype=np.float32)
    band = np.arange(BANDS)[:, None]
    for i, k in enumerate(word):
        length = rng.randint(18, 27)
        start = rng.randint(0, FRAMES - length)
        t = np.linspace(0, 3, length)
        picture = rng.normal(0, 0.5, (BANDS, FRAMES))
        for f in range(2):
            track = np.interp(t, range(4), paths[k, f] + rng.normal(0, 0.8, 4)) + rng.normal(0, 0.7)
            picture[:, start:start + length] += (1.3 - 0.4 * f) * np.exp(-((band - track) / 1.2) ** 2)
        out[i] = picture
    out = (out - 0.2) / 0.75
    misheard = rng.rand(n) < 0.1
    word[misheard] = rng.randint(0, len(WORDS), misheard.sum())
    return torch.from_numpy(out).unsqueeze(1), torch.from_numpy(word).long()


def shifted(x):
    """moves every recording by up to two frames"""
    return torch.stack([torch.roll(row, int(s), dims=2) for row, s in zip(x, torch.randint(-2, 3, (len(x),)))])


class Separable(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.depth = nn.Conv2d(i, i, 3, stride=stride, padding=1, groups=i, bias=False)
        self.point = nn.Conv2d(i, o, 1, bias=False)
        self.norm = nn.BatchNorm2d(o)

    def forward(self, x):
        return torch.relu(self.norm(self.point(self.depth(x))))


class KeywordNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Separable(16, 24, 1), Separable(24, 32, 2), Separable(32, 32, 1))
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(32 * 4, len(WORDS))

    def forward(self, x):
        x = self.blocks(self.stem(x))
        return self.fc(self.drop(x.mean(3).flatten(1)))


x, y = spectrograms(2400, 0)
xv, yv = spectrograms(600, 1)
net = KeywordNet()
train_loss = nn.CrossEntropyLoss(label_smoothing=0.05)
val_criterion = nn.CrossEntropyLoss()
epochs = 14
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, [7 * epochs // 12, 10 * epochs // 12], gamma=0.25)

for epoch in range(epochs):
    net.train()
    losses = []
    for rows in torch.randperm(len(x)).split(60):
        loss = train_loss(net(shifted(x[rows])), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(xv)
        val_loss = val_criterion(out, yv).item()
        acc = (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch + 1}  smoothed loss {np.mean(losses):.4f}  val loss {val_loss:.4f}  accuracy {acc:.3f}  rate {sched.get_last_lr()[0]:.2e}")
print(f"final: val loss {val_loss:.4f} accuracy {acc:.3f}")
