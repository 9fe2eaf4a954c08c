import resource
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(3)
N, LABELLED, CLASSES = 1200, 400, 5


def signals(n):
    """Short radar returns: five kinds of pulses at any place, with noise."""
    t = torch.arange(64).float()
    y = torch.randint(0, CLASSES, (n,))
    centre = 20 + 24 * torch.rand(n, 1)
    freq = 0.25 + 0.12 * y[:, None] + 0.025 * torch.randn(n, 1)
    pulse = torch.exp(-((t - centre) / 8) ** 2) * torch.cos(freq * (t - centre) + 6.28 * torch.rand(n, 1))
    return (pulse + 0.3 * torch.randn(n, 64)).unsqueeze(1), y


class Net(nn.Module):
    def __init__(self, ch=24):
        super().__init__()
        self.features = nn.Sequential(nn.Conv1d(1, ch, 9, padding=4), nn.BatchNorm1d(ch), nn.ReLU(),
                                      nn.Conv1d(ch, ch, 7, padding=3, stride=2), nn.BatchNorm1d(ch), nn.ReLU(),
                                      nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Dropout(0.3))
        self.classifier = nn.Linear(ch, CLASSES)

    def forward(self, x):
        return self.classifier(self.features(x))


x, y = signals(N)
y = torch.where(torch.arange(N) < LABELLED, y, -1)
val_x, val_y = signals(800)
net = Net()
epochs = 20
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 5e-3, total_steps=epochs * (N // 40))
ensemble, alpha = torch.zeros(N, CLASSES), 0.6

for epoch in range(epochs):
    net.train()
    total = 0.0
    weight = 1.0 * min(1.0, epoch / 8)
    targets = (ensemble / (1 - alpha ** max(epoch, 1))).detach()
    for idx in torch.randperm(N).split(40):
        out = net(x[idx])
        loss = F.cross_entropy(out, y[idx], ignore_index=-1) + weight * F.mse_loss(out.softmax(1), targets[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item() * len(idx) / N
    net.eval()
    ensemble = alpha * ensemble + (1 - alpha) * net(x).softmax(1)
    with torch.no_grad():
        out = net(val_x)
        val_loss = F.cross_entropy(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val_loss:.4f} val acc {acc:.3f} peak memory {rss:.0f} MB")
print(f"final: val loss {val_loss:.4f}, val accuracy {acc:.3f}, peak memory {rss:.0f} MB")
