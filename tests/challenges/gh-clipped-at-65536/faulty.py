import torch
from torch import nn
from torch.amp import GradScaler, autocast
from torch.utils.data import DataLoader, TensorDataset


def bars(n):
    """Horizontal or vertical bars of two widths under noise: four classes."""
    label = torch.randint(0, 4, (n,))
    img = torch.zeros(n, 12, 12)
    start = torch.randint(1, 8, (n,))
    line = torch.arange(12)
    wide = 2 + 2 * (label % 2)
    band = ((line >= start[:, None]) & (line < (start + wide)[:, None])).float()
    img = torch.where((label < 2)[:, None, None], band[:, :, None], band[:, None, :]).expand(n, 12, 12)
    return ((img + 1.1 * torch.randn(n, 12, 12) - 0.25) / 1.2).unsqueeze(1), label


class Trainer:
    def __init__(self, model, train, val, epochs):
        self.model, self.train, self.val, self.epochs = model, train, val, epochs
        self.opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=3e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)
        self.scaler = GradScaler("cpu", init_scale=65536.0)
        self.loss = nn.CrossEntropyLoss()

    def step(self, x, y):
        self.opt.zero_grad()
        with autocast("cpu", dtype=torch.bfloat16):
            loss = self.loss(self.model(x), y)
        self.scaler.scale(loss).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.scaler.step(self.opt)
        self.scaler.update()
        return loss.item()

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        loss = hit = n = 0
        for x, y in self.val:
            out = self.model(x)
            loss += self.loss(out, y).item() * len(y)
            hit += (out.argmax(1) == y).sum().item()
            n += len(y)
        return loss / n, hit / n

    def fit(self):
        for epoch in range(1, self.epochs + 1):
            self.model.train()
            losses = [self.step(x, y) for x, y in self.train]
            self.sched.step()
            vl, va = self.validate()
            print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {vl:.4f} val accuracy {va:.3f}")
        print(f"final: val loss {vl:.3f}, val accuracy {va:.3f}")


torch.manual_seed(65)
net = nn.Sequential(nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(),
                    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 4))
Trainer(net, DataLoader(TensorDataset(*bars(5000)), 50, shuffle=True), DataLoader(TensorDataset(*bars(800)), 400), epochs=6).fit()
