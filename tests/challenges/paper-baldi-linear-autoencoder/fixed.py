import torch
import torch.nn as nn


def spiral(n, axes):
    """a curve wound through twelve dimensions, with some noise"""
    s = torch.rand(n, 1) * 6 - 3
    curve = torch.cat([torch.sin(1.1 * s), torch.cos(1.1 * s), s / 2], 1)
    return curve @ axes + 0.15 * torch.randn(n, 12)


class Coder(nn.Module):
    def __init__(self, width=40, code=1, activation=nn.GELU):
        super().__init__()
        sizes = [12, width, width, code]

        def stack(sizes):
            steps = []
            for a, b in zip(sizes, sizes[1:]):
                steps += [nn.Linear(a, b), activation()]
            return nn.Sequential(*steps[:-1])

        self.encode, self.decode = stack(sizes), stack(sizes[::-1])

    def forward(self, x):
        return self.decode(self.encode(x))


def main(epochs=36):
    torch.manual_seed(52)
    axes = torch.linalg.qr(torch.randn(12, 3))[0].t() * 1.5
    x, xv = spiral(3000, axes), spiral(800, axes)
    mean, std = x.mean(0), x.std()
    x, xv = (x - mean) / std, (xv - mean) / std
    model = Coder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * 30)
    mse = nn.MSELoss()
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(100):
            loss = mse(model(x[idx]), x[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() / 30
        model.eval()
        with torch.no_grad():
            val = mse(model(xv), xv).item()
        print(f"epoch {epoch + 1} loss {total:.4f} val loss {val:.4f}")
    print(f"final: val loss {val:.4f}")


main()
