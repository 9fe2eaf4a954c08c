import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make(n, gen):
    x = torch.randn(n, 6, generator=gen)
    y = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3] + 0.5 * x[:, 3:4].abs() + 0.5 * torch.randn(n, 1, generator=gen)
    return x, y


class Surface(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.hidden1 = nn.Linear(6, width)
        self.hidden2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.hidden1(x))
        x = torch.relu(self.hidden2(x))
        return self.out(x)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(x), y).item()


def fit(epochs=22, lr=0.6):
    torch.manual_seed(5)
    gen = torch.Generator().manual_seed(77)
    x, y = make(4000, gen)
    xv, yv = make(1500, gen)
    centre, spread = y.mean(), y.std()
    y, yv = (y - centre) / spread, (yv - centre) / spread
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = Surface()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = nn.functional.mse_loss(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        print(f"epoch {epoch + 1:2d}  loss {total / len(loader):.4f}  val loss {evaluate(model, xv, yv):.4f}")
    return evaluate(model, xv, yv)


if __name__ == "__main__":
    print(f"final: val loss {fit():.4f}")
