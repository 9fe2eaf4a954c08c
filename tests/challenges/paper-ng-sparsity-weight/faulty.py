import argparse

import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class SparseAutoencoder(nn.Module):
    def __init__(self, n_in=64, n_code=48):
        super().__init__()
        self.encode = nn.Linear(n_in, n_code)
        self.decode = nn.Linear(n_code, n_in)

    def forward(self, x):
        code = torch.sigmoid(self.encode(x))
        return self.decode(code), code


def penalty(code, rho=0.1):
    share = code.mean(0)
    return (rho * torch.log(rho / share) + (1 - rho) * torch.log((1 - rho) / (1 - share))).sum()


def run(args):
    torch.manual_seed(args.seed)
    data = load_digits().data
    a, b = train_test_split(data, test_size=0.25, random_state=2)
    mean, std = a.mean(), a.std()
    x = torch.tensor((a - mean) / std, dtype=torch.float32)
    xv = torch.tensor((b - mean) / std, dtype=torch.float32)
    xv_noisy = xv + 0.6 * torch.randn_like(xv)
    model = SparseAutoencoder()
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    mse = nn.MSELoss()
    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(45):
            target = x[idx]
            out, code = model(target + 0.6 * torch.randn_like(target))
            l1 = sum(p.abs().sum() for p in (model.encode.weight, model.decode.weight))
            loss = mse(out, target) + args.beta * penalty(code) + args.weight_penalty * l1
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        model.eval()
        with torch.no_grad():
            out, code = model(xv_noisy)
            val = mse(out, xv).item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f} mean activation {code.mean().item():.3f}")
    print(f"final: val loss {val:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=34)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--beta", type=float, default=1e-3)
    parser.add_argument("--weight-penalty", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=6)
    run(parser.parse_args())
