import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class PositiveLinear(nn.Module):
    """All weights are exponentials, so the output can only rise with the inputs."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.log_weight = nn.Parameter(torch.randn(n_out, n_in) * 0.3 - 0.5 * torch.tensor(float(n_in)).log())
        self.bias = nn.Parameter(torch.randn(n_out))

    def forward(self, x):
        return F.linear(x, self.log_weight.exp(), self.bias)


class DoseResponse(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2, self.l3 = PositiveLinear(3, 24), PositiveLinear(24, 24), PositiveLinear(24, 1)

    def forward(self, x):
        h = torch.tanh(self.l1(x))
        h = torch.sigmoid(self.l2(h))
        return self.l3(h - 0.5).squeeze(1)


def patients(n):
    """Doses of three drugs (log scale), response 0/1; more of any drug never lowers the chance of a response."""
    x = torch.rand(n, 3) * 4 - 2
    drive = 2.5 * torch.sigmoid(3 * x[:, 0]) + 1.5 * torch.relu(x[:, 1]) + torch.minimum(x[:, 2], x[:, 0]) - 1.8
    return x, torch.bernoulli(torch.sigmoid(2 * drive))


def run(seed=15, epochs=15):
    torch.manual_seed(seed)
    x_val, y_val = patients(3000)
    loader = DataLoader(TensorDataset(*patients(3000)), batch_size=60, shuffle=True)
    net = DoseResponse()
    opt = torch.optim.Adam(net.parameters(), lr=0.02)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.85)
    for epoch in range(epochs):
        seen = []
        for x, y in loader:
            opt.zero_grad()
            loss = F.binary_cross_entropy_with_logits(net(x), y)
            loss.backward()
            opt.step()
            seen.append(loss.item())
        sched.step()
        with torch.no_grad():
            out = net(x_val)
            val = F.binary_cross_entropy_with_logits(out, y_val).item()
            acc = ((out > 0).float() == y_val).float().mean().item()
        print(f"epoch {epoch + 1}: train loss {sum(seen) / len(seen):.4f}, val loss {val:.4f}, val accuracy {acc:.3f}")


if __name__ == "__main__":
    run()
