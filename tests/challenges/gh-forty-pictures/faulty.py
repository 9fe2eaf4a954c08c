import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, Subset

torch.manual_seed(23)
N_TRAIN = 40
EPOCHS = 60


class Digits(Dataset):
    def __init__(self, noise):
        raw = load_digits()
        self.x = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 6.0 - 0.81
        self.y = torch.tensor(raw.target)
        self.noise = noise
        self.fixed = torch.randn_like(self.x)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        eps = torch.randn_like(self.x[i]) if self.training else self.fixed[i]
        return self.x[i] + self.noise * eps, self.y[i]

    training = True


full = Digits(noise=1.0)
full_val = Digits(noise=1.0)
full_val.training = False
order = torch.randperm(len(full)).tolist()
train_loader = DataLoader(Subset(full, order[:N_TRAIN]), batch_size=40, shuffle=True)
val_loader = DataLoader(Subset(full_val, order[1300:]), batch_size=250)

model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
                      nn.Flatten(), nn.Dropout(0.3), nn.Linear(256, 10))
opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
ce = nn.CrossEntropyLoss()
for epoch in range(1, EPOCHS + 1):
    model.train()
    sums = [0.0, 0]
    for x, y in train_loader:
        opt.zero_grad()
        loss = ce(model(x), y)
        loss.backward()
        opt.step()
        sums[0] += loss.item() * len(x)
        sums[1] += len(x)
    sched.step()
    model.eval()
    vl = ok = seen = 0
    with torch.no_grad():
        for x, y in val_loader:
            out = model(x)
            vl += ce(out, y).item() * len(x)
            ok += (out.argmax(1) == y).sum().item()
            seen += len(x)
    print(f"epoch {epoch} train loss {sums[0] / sums[1]:.4f} val loss {vl / seen:.4f} val accuracy {ok / seen:.3f}")
print(f"final: val loss {vl / seen:.3f}, val accuracy {ok / seen:.3f}")
