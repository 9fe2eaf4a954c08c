import time
import numpy as np
import torch
from scipy.signal import resample_poly, spectrogram
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(77)
RATE = 22050


def calls(n, seed):
    """half a second of a bird's call; three species that differ in how the pitch moves"""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE // 2) / RATE
    species = rng.integers(0, 3, n)
    start, speed = rng.uniform(2000, 3000, n), np.array([-3000, 0, 3000])[species] + rng.normal(0, 700, n)
    waves = np.sin(2 * np.pi * (start[:, None] * t + 0.5 * speed[:, None] * t ** 2)) + 1.5 * rng.normal(size=(n, len(t)))
    return waves.astype(np.float32), species


def features(wave):
    _, _, power = spectrogram(resample_poly(wave, 320, 441), 16000, nperseg=256, noverlap=192)
    picture = np.log(power[16:64:2, ::6] + 1e-10)
    return torch.tensor((picture - picture.mean()) / picture.std(), dtype=torch.float32)[None]


class Birds(Dataset):
    def __init__(self, n, seed):
        self.waves, self.species = calls(n, seed)
        self.items = [features(w) for w in self.waves]

    def __len__(self):
        return len(self.species)

    def __getitem__(self, i):
        return self.items[i], int(self.species[i])


start = time.process_time()
train = DataLoader(Birds(250, seed=1), batch_size=25, shuffle=True)
val = DataLoader(Birds(100, seed=2), batch_size=50)
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(),
                    nn.AdaptiveAvgPool2d((6, 3)), nn.Flatten(), nn.Dropout(0.3), nn.Linear(216, 3))
epochs = 8
opt = torch.optim.AdamW(net.parameters(), lr=8e-3, weight_decay=0.1)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
ce = nn.CrossEntropyLoss(label_smoothing=0.1)
for epoch in range(epochs):
    net.train()
    for x, y in train:
        loss = ce(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        v = sum(ce(net(x), y).item() * len(y) for x, y in val) / len(val.dataset)
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {v:.4f}")
print(f"final: val loss {v:.3f}, {time.process_time() - start:.1f} s of CPU time")
