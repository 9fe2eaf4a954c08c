import argparse
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def shells(n):
    age = 1 + 9 * torch.rand(n)
    size = 1 - torch.exp(-0.25 * age)
    features = torch.stack([size + 0.08 * torch.randn(n), size ** 2 + 0.1 * torch.randn(n), torch.log(age) / 2 + 0.15 * torch.randn(n),
                            (torch.rand(n) < 0.4 + 0.04 * age).float(), 0.3 * torch.randn(n)], 1)
    return features, age


class AgeNet(nn.Module):
    def __init__(self, hidden, mean):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self.head = nn.Linear(hidden, 1)
        nn.init.constant_(self.head.bias, mean)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=18)
    ap.add_argument("--hidden", type=int, default=24)
    args = ap.parse_args()
    torch.manual_seed(81)
    x, age = shells(4000)
    x = (x - x[:3200].mean(0)) / x[:3200].std(0)
    train = DataLoader(TensorDataset(x[:3200], age[:3200]), batch_size=64, shuffle=True)
    model = AgeNet(args.hidden, age[:3200].mean().item())
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    mse = nn.MSELoss()
    for epoch in range(1, args.epochs + 1):
        model.train()
        t = 0.0
        for xb, yb in train:
            opt.zero_grad()
            loss = mse(model(xb), yb)
            loss.backward()
            opt.step()
            t += loss.item() / len(train)
        sched.step()
        model.eval()
        with torch.no_grad():
            pred = model(x[3200:])
        v = mse(pred, age[3200:]).item()
        print(f"epoch {epoch} train loss {t:.4f} val loss {v:.4f} mean error {(pred - age[3200:]).abs().mean():.3f} years")
    print(f"final: val mse {v:.3f}")


if __name__ == "__main__":
    main()
