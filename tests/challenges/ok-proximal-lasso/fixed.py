import argparse
import torch


def assay(n, weights, noise, generator):
    x = torch.randn(n, len(weights), generator=generator)
    x[:, 1::2] = 0.6 * x[:, 0::2] + 0.8 * x[:, 1::2]
    return x, x @ weights + 1.5 + noise * torch.randn(n, generator=generator)


def shrink_(weight, amount):
    """Soft thresholding in place."""
    weight.copy_(weight.sign() * (weight.abs() - amount).clamp(min=0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--penalty", type=float, default=0.3)
    args = parser.parse_args()

    generator = torch.Generator().manual_seed(args.seed)
    true = torch.zeros(80)
    true[torch.randperm(80, generator=generator)[:8]] = torch.randn(8, generator=generator) + torch.tensor([1.0, -1.0] * 4)
    x_train, y_train = assay(1600, true, 1.0, generator)
    x_val, y_val = assay(300, true, 1.0, generator)

    weight = torch.zeros(80, requires_grad=True)
    offset = torch.zeros((), requires_grad=True)
    rate = args.rate
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for rows in torch.randperm(1600, generator=generator).split(40):
            loss = ((x_train[rows] @ weight + offset - y_train[rows]) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                weight -= rate * weight.grad
                offset -= rate * offset.grad
                shrink_(weight, rate * args.penalty)
            weight.grad = offset.grad = None
            total += loss.item() * len(rows)
        rate *= 0.93
        with torch.no_grad():
            val = ((x_val @ weight + offset - y_val) ** 2).mean().item()
            kept = int((weight != 0).sum())
        print(f"epoch {epoch} train loss {total / 1600:.4f} val loss {val:.4f} weights kept {kept} of 80")


if __name__ == "__main__":
    main()
