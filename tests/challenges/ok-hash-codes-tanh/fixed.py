import torch
import torch.nn as nn


class HashNet(nn.Module):
    """Sixteen bits for a shape; the tanh is steep so that its values are nearly bits already."""

    def __init__(self, n_in=40, bits=16, steepness=3.0):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(n_in, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())
        self.code = nn.Linear(48, bits)
        self.steepness = steepness

    def forward(self, x):
        return torch.tanh(self.steepness * self.code(self.features(x)))


def profiles(n, prototypes):
    """Noisy outlines (40 radii) of one of eight kinds of parts."""
    kind = torch.randint(0, len(prototypes), (n,))
    return prototypes[kind] + 1.5 * torch.randn(n, 40), kind


def hashing_loss(codes, kind, weight=0.1):
    bits = codes.size(1)
    same = (kind[:, None] == kind[None]).float()
    likeness = codes @ codes.T / bits
    pair = (same * (1 - likeness) ** 2 + (1 - same) * torch.relu(likeness) ** 2)
    pull = same * 3 + (1 - same)
    quantised = (codes.abs() - 1).pow(2).mean()
    return (pull * pair).sum() / pull.sum() + weight * quantised


def retrieval(query, q_kind, base, b_kind, top=10):
    """Share of the right kind among the ten nearest in Hamming distance."""
    distance = (query.sign()[:, None] != base.sign()[None]).sum(2)
    nearest = distance.topk(top, largest=False).indices
    return (b_kind[nearest] == q_kind[:, None]).float().mean().item()


def main(epochs=20):
    torch.manual_seed(13)
    prototypes = torch.randn(8, 40)
    x_train, k_train = profiles(2400, prototypes)
    x_val, k_val = profiles(600, prototypes)
    net = HashNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=2e-3)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=20)
    for epoch in range(epochs):
        net.train()
        losses = []
        for idx in torch.randperm(len(x_train)).split(100):
            loss = hashing_loss(net(x_train[idx]), k_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        net.eval()
        with torch.no_grad():
            codes = net(x_val)
            val = hashing_loss(codes, k_val).item()
            precision = retrieval(codes, k_val, net(x_train), k_train)
            sharp = (codes.abs() > 0.95).float().mean().item()
        print(f"epoch {epoch + 1} train loss {sum(losses) / len(losses):.4f} val loss {val:.4f} "
              f"precision at 10 {precision:.3f} bits settled {sharp:.2f}")


if __name__ == "__main__":
    main()
