import torch
from torch import nn
from torch.nn.utils import clip_grad_value_

torch.manual_seed(22)
STEPS = 16


def sums(n):
    """the sum of the marked numbers of a sequence"""
    numbers = torch.randn(n, STEPS)
    marks = (torch.rand(n, STEPS) < 0.3).float()
    target = (numbers * marks).sum(1) / 2.2
    return torch.stack([numbers, marks], 2), target + 0.2 * torch.randn(n)


class Adder(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1]).squeeze(1)


x, y = sums(2400)
xv, yv = sums(600)
model = Adder()
scaler = torch.amp.GradScaler("cpu", init_scale=2.0 ** 15)
epochs = 12
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for i in torch.randperm(len(x)).split(48):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False):
            loss = nn.functional.mse_loss(model(x[i]), y[i])
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        clip_grad_value_(model.parameters(), 0.1)
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        total += loss.item() * len(i) / len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(model(xv), yv).item()
    print(f"epoch {epoch + 1} loss {total:.4f} val loss {val:.4f}")
print(f"final: val loss {val:.4f} (variance {yv.var().item():.3f})")
