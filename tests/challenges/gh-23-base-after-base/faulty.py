import random
import time
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(9)
random.seed(9)

BASES = "ACGT"
LENGTH = 64
MOTIFS = ["TATAATGC", "GGCCAATC", "CACGTGTT"]


def sequence():
    """a stretch of DNA that holds one of three binding sites (one base in ten of it mutated) or none"""
    kind = random.randrange(len(MOTIFS) + 1)
    bases = random.choices(BASES, k=LENGTH)
    if kind:
        at = random.randrange(LENGTH - 8)
        bases[at:at + 8] = [random.choice(BASES) if random.random() < 0.1 else b for b in MOTIFS[kind - 1]]
    return "".join(bases), kind


def base_to_index(base):
    return BASES.find(base)


def line_to_tensor(line):
    tensor = torch.zeros(len(BASES), len(line))
    for i, base in enumerate(line):
        tensor[base_to_index(base)][i] = 1
    return tensor


class Sites(Dataset):
    def __init__(self, n):
        self.lines, self.kinds = zip(*(sequence() for _ in range(n)))

    def __len__(self):
        return len(self.kinds)

    def __getitem__(self, k):
        return line_to_tensor(self.lines[k]), self.kinds[k]


class SiteNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.motifs = nn.Conv1d(len(BASES), 24, 9)
        self.mix = nn.Conv1d(24, 24, 5)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(24, len(MOTIFS) + 1)

    def forward(self, x):
        x = torch.relu(self.mix(torch.relu(self.motifs(x))))
        return self.out(self.drop(x.amax(2)))


train_loader = DataLoader(Sites(3000), batch_size=32, shuffle=True)
val_loader = DataLoader(Sites(500), batch_size=250)
model = SiteNet()
criterion = nn.CrossEntropyLoss()
epochs = 6
optimizer = torch.optim.Adam(model.parameters(), lr=0.006, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

started = time.time()
for epoch in range(epochs):
    model.train()
    losses = []
    for x, y in train_loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    total = right = 0
    with torch.no_grad():
        for x, y in val_loader:
            out = model(x)
            total += criterion(out, y).item() * len(y)
            right += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f} val loss {total / 500:.4f} accuracy {right / 500:.3f} after {time.time() - started:.1f} s")
print(f"final: val loss {total / 500:.4f} accuracy {right / 500:.3f}, {(time.time() - started) / epochs:.2f} s per epoch")
