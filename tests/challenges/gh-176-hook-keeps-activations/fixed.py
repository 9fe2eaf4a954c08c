import resource
import torch
from torch import nn

torch.manual_seed(30)


def textures(n):
    """stripes or checks under noise"""
    kind = torch.randint(0, 2, (n,))
    phase = 6.28 * torch.rand(n, 2, 1, 1)
    rows, cols = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    a, b = torch.sin(rows + phase[:, 0]), torch.sin(cols + phase[:, 1])
    picture = torch.where(kind[:, None, None] == 1, a * b * 1.4, a)
    return (picture + 3.6 * torch.randn(n, 24, 24))[:, None] / 3.7, kind


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5, padding=2)
        self.conv2 = nn.Conv2d(12, 12, 3, padding=1)
        self.fc = nn.Linear(12, 2)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        return self.fc(torch.relu(self.conv2(x)).amax((2, 3)))


x, y = textures(800)
xv, yv = textures(400)
net = Net()
activations = []
net.conv1.register_forward_hook(lambda module, args, output: activations.append(output.mean().item()))
epochs = 14
opt = torch.optim.AdamW(net.parameters(), lr=8e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 8e-3, total_steps=epochs * 25)
ce = nn.CrossEntropyLoss()
for epoch in range(epochs):
    net.train()
    for i in torch.randperm(len(x)).split(32):
        loss = ce(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
    net.eval()
    with torch.no_grad():
        v = ce(net(xv), yv).item()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {v:.4f} memory {memory} MB")
print(f"final: val loss {v:.3f}, {memory} MB")
