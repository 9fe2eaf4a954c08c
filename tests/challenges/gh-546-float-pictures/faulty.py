import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

EPOCHS = 12
torch.manual_seed(4)
rng = np.random.default_rng(4)


def draw_leaf(kind):
    """20 x 20 RGB photo of a leaf: healthy, rust, mildew or yellowing"""
    img = np.full((20, 20, 3), (90, 80, 60), dtype=np.float32)
    yy, xx = np.mgrid[:20, :20]
    cy, cx, r = rng.uniform(8, 12), rng.uniform(8, 12), rng.uniform(6, 8.5)
    leaf = (yy - cy) ** 2 + ((xx - cx) * rng.uniform(1.0, 1.4)) ** 2 < r * r
    img[leaf] = (60, 140, 50)
    if kind == 3:
        img[leaf] = (120, 140, 50)
    for _ in range(rng.integers(3, 7) if kind in (1, 2) else 0):
        py, px = rng.integers(4, 16, 2)
        spot = (yy - py) ** 2 + (xx - px) ** 2 < rng.uniform(1, 3)
        img[spot & leaf] = (170, 90, 40) if kind == 1 else (190, 200, 190)
    return np.clip(img + rng.normal(0, 22, img.shape), 0, 255).astype(np.uint8)


def to_tensor(pic):
    t = torch.from_numpy(np.ascontiguousarray(pic.transpose(2, 0, 1)))
    return t.float() / 255 if t.dtype == torch.uint8 else t.float()


class Leaves(Dataset):
    mean = torch.tensor([0.35, 0.40, 0.25]).view(3, 1, 1)
    std = torch.tensor([0.20, 0.20, 0.20]).view(3, 1, 1)

    def __init__(self, n, train):
        self.labels = rng.integers(0, 4, n)
        self.images = [draw_leaf(k) for k in self.labels]
        wrong = rng.random(n) < 0.06
        self.labels[wrong] = rng.integers(0, 4, wrong.sum())
        self.train = train

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img = self.images[i].astype(np.float32)
        if self.train:
            img = img * np.random.uniform(0.9, 1.1)
            if np.random.rand() < 0.5:
                img = img[:, ::-1]
        img = np.clip(img, 0, 255)
        return (to_tensor(img) - self.mean) / self.std, int(self.labels[i])


np.random.seed(4)
train_dl = DataLoader(Leaves(1200, True), batch_size=40, shuffle=True)
val_dl = DataLoader(Leaves(500, False), batch_size=100)

model = nn.Sequential(
    nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(24 * 25, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 4),
)
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
ce = nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    model.train()
    tl = 0
    for x, y in train_dl:
        opt.zero_grad()
        loss = ce(model(x), y)
        loss.backward()
        opt.step()
        tl += loss.item() / len(train_dl)
    sched.step()
    model.eval()
    vl = hit = 0
    with torch.no_grad():
        for x, y in val_dl:
            out = model(x)
            vl += ce(out, y).item() / len(val_dl)
            hit += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch + 1} train loss {tl:.4f} val loss {vl:.4f} val accuracy {hit / 500:.3f}")
