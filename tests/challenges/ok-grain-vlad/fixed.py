import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)
EPOCHS = 18
SORTS, GRAINS, FEATS, WORDS = 6, 30, 5, 8


def samples(n, centres, recipes):
    """A sample is a handful of grains in any order; sorts of sand differ in their mixture of minerals."""
    y = torch.randint(SORTS, (n,))
    mineral = torch.multinomial(recipes[y], GRAINS, replacement=True)
    return centres[mineral] + 0.9 * torch.randn(n, GRAINS, FEATS), y


class SoftVLAD(nn.Module):
    """Each grain is shared out among the visual words; what is left over from each word's centre is added up."""

    def __init__(self):
        super().__init__()
        self.assign = nn.Linear(FEATS, WORDS)
        self.centre = nn.Parameter(torch.randn(WORDS, FEATS))

    def forward(self, x):
        share = F.softmax(self.assign(x).transpose(1, 2), dim=1)
        total = share.sum(2, keepdim=True)
        rest = share @ x - total * self.centre
        rest = F.normalize(rest, dim=2)
        return torch.cat([rest.flatten(1), total.squeeze(2) / 4], 1)


class SandNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = SoftVLAD()
        self.out = nn.Linear(WORDS * FEATS + WORDS, SORTS)

    def forward(self, x):
        return self.out(self.pool(x))


centres = 1.2 * torch.randn(7, FEATS)
recipes = torch.softmax(1.0 * torch.randn(SORTS, 7), 1)
x_train, y_train = samples(2400, centres, recipes)
x_val, y_val = samples(1000, centres, recipes)
net = SandNet()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, [EPOCHS * 6 // 10, EPOCHS * 8 // 10], 0.2)
for epoch in range(EPOCHS):
    running = 0.0
    for idx in torch.randperm(len(x_train)).split(48):
        opt.zero_grad()
        loss = F.cross_entropy(net(x_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
        running += loss.item() / 50
    sched.step()
    with torch.no_grad():
        out = net(x_val)
        val = F.cross_entropy(out, y_val).item()
    print(f"epoch {epoch + 1} train loss {running:.4f} val loss {val:.4f} acc {(out.argmax(1) == y_val).float().mean():.3f}")
