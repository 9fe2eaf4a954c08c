import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class SignThrough(torch.autograd.Function):
    """Sign in the forward pass; the gradient passes wherever the input lies within -1 and 1."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return grad * (x.abs() <= 1)


class Binarize(nn.Module):
    def forward(self, x):
        return SignThrough.apply(x)


class BinaryConv(nn.Conv2d):
    def forward(self, x):
        scale = self.weight.abs().mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x, SignThrough.apply(self.weight) * scale.detach(), None)


def block(cin, cout):
    return [BinaryConv(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), Binarize()]


class BinaryNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), Binarize(), *block(24, 32), nn.MaxPool2d(2),
                                    *block(32, 48), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(48 * 4, 10))

    def forward(self, x):
        return self.layers(x)


torch.manual_seed(17)
digits = load_digits()
x = torch.tensor(digits.images / 8 - 1, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train = DataLoader(TensorDataset(x[order[:1300]], y[order[:1300]]), batch_size=50, shuffle=True)
held_out = x[order[1300:]]
val = TensorDataset(held_out + 0.5 * torch.randn_like(held_out), y[order[1300:]])
net = BinaryNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
epochs = 16
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    net.train()
    running = 0.0
    for a, b in train:
        loss = F.cross_entropy(net(a + 0.5 * torch.randn_like(a)), b, label_smoothing=0.1)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for m in net.modules():
                if isinstance(m, BinaryConv):
                    m.weight.clamp_(-1, 1)
        running += loss.item() / len(train)
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(val.tensors[0])
        vl = F.cross_entropy(out, val.tensors[1], label_smoothing=0.1).item()
        acc = (out.argmax(1) == val.tensors[1]).float().mean().item()
    print(f"epoch {epoch + 1} train loss {running:.4f} val loss {vl:.4f} val accuracy {acc:.4f}")
