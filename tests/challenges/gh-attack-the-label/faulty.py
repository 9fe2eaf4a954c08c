"""Adversarial training on the small digits: half of every batch is moved towards a wrong class first."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 5
EPS = 0.12


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3, padding=1)
        self.c2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class AdversarialTrainer:
    def __init__(self, net, lr=0.05):
        self.net = net
        self.optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)

    def attack(self, x, y, steps=2):
        """A few signed gradient steps towards a class drawn among the nine wrong ones."""
        target = (y + torch.randint(1, 10, y.shape)) % 10
        adv = x.clone()
        for _ in range(steps):
            adv = adv.detach().requires_grad_(True)
            F.cross_entropy(self.net(adv), target).backward()
            adv = adv - EPS / steps * adv.grad.sign()
        return adv.detach().clamp(0, 1)

    def step(self, x, y):
        half = len(x) // 2
        self.optimizer.zero_grad()
        x = torch.cat([self.attack(x[:half], y[:half]), x[half:]])
        loss = F.cross_entropy(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, xtr, ytr, xva, yva, epochs=20, size=50):
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs)
        for epoch in range(epochs):
            losses = []
            for idx in torch.randperm(len(xtr)).split(size):
                losses.append(self.step(xtr[idx], ytr[idx]))
            schedule.step()
            with torch.no_grad():
                out = self.net(xva)
            acc = (out.argmax(1) == yva).float().mean()
            print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} "
                  f"val loss {F.cross_entropy(out, yva).item():.4f} val acc {acc.item():.4f}")


if __name__ == "__main__":
    torch.manual_seed(SEED)
    data = load_digits()
    images = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(data.target)
    xtr, xva, ytr, yva = train_test_split(images, labels, test_size=500, random_state=SEED, stratify=data.target)
    AdversarialTrainer(DigitNet()).fit(xtr, ytr, xva, yva)
