import torch
import torch.nn as nn


def make_plates(n):
    """Count of bright colonies on a 16x16 plate, to be regressed."""
    count = torch.randint(1, 9, (n,))
    grid = torch.arange(16).float()
    img = torch.zeros(n, 16, 16)
    for k in range(8):
        cy, cx = torch.rand(2, n, 1, 1) * 13 + 1
        blob = torch.exp(-((grid[None, :, None] - cy) ** 2 + (grid[None, None, :] - cx) ** 2) / 1.2)
        img += blob * (count > k).float()[:, None, None]
    img += 0.15 * torch.randn_like(img)
    target = (count.float() - 4.5) / 2.3 + 0.25 * torch.randn(n)
    return ((img - 0.07) / 0.27).unsqueeze(1), target


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
                                      nn.Conv2d(12, 24, 3, padding=1), nn.ReLU())
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        return self.out(self.features(x).mean((2, 3)) * 4).squeeze(1)


def run(epochs=26, batch=40):
    torch.manual_seed(6)
    x, y = make_plates(1600)
    xv, yv = make_plates(600)
    net = Counter()
    mse = nn.MSELoss()
    opt = torch.optim.RMSprop(net.parameters(), lr=0.08)
    for epoch in range(epochs):
        net.train()
        losses = []
        for b in torch.randperm(len(x)).split(batch):
            opt.zero_grad()
            loss = mse(net(x[b]), y[b])
            loss.backward()
            opt.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            val = mse(net(xv), yv).item()
        print(f"epoch {epoch + 1} train loss {sum(losses) / len(losses):.4f} val loss {val:.4f}")
    return val


if __name__ == "__main__":
    print(f"final: val mse {run():.4f}")
