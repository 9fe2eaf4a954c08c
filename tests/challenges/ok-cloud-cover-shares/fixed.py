"""Share of the sky that is clouded in the next hour (0 to 1), learnt with the binary cross entropy of soft targets."""
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
EPOCHS = 20


def hours(n):
    x = torch.randn(n, 6)
    mean = torch.sigmoid(1.2 * x[:, 0] - x[:, 1] * x[:, 2] + 0.8 * torch.sin(2 * x[:, 3]))
    share = torch.distributions.Beta(6 * mean + 0.05, 6 * (1 - mean) + 0.05).sample()
    return x, share.unsqueeze(1)


class SkyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 48), nn.Linear(48, 48), nn.Linear(48, 1)
        self.act = nn.GELU()

    def forward(self, x):
        h = self.act(self.a(x))
        return self.c(h + self.act(self.b(h)))


train = DataLoader(TensorDataset(*hours(3000)), batch_size=64, shuffle=True)
val_x, val_share = hours(1000)
net = SkyNet()
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(EPOCHS):
    net.train()
    running = 0.0
    for x, share in train:
        loss = bce(net(x), share)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() / len(train)
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(val_x)
        val_loss = bce(out, val_share).item()
        error = (out.sigmoid() - val_share).abs().mean().item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val_loss:.4f} mean error of the share {error:.3f}")
