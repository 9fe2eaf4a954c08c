import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Clusters(Dataset):
    """six overlapping classes of unlike size, two clusters each, in ten dimensions"""

    def __init__(self, n, centres):
        self.label = torch.multinomial(torch.tensor([8.0, 4.0, 2.0, 1.0, 1.0, 1.0]), n, replacement=True)
        which = torch.randint(0, 2, (n,))
        self.point = centres[self.label, which] + 1.5 * torch.randn(n, 10)
        self.point = self.point / 1.9

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.point[i], self.label[i]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(10, 64)
        self.out = nn.Linear(64, 6)

    def forward(self, x):
        return F.log_softmax(self.out(F.relu(self.hidden(x))), dim=1)


def train_epoch(net, loader, optimizer, loss_fn):
    net.train()
    total_loss, correct, count = 0.0, 0, 0
    for features, labels in loader:
        optimizer.zero_grad()
        out = net(features)
        loss = loss_fn(out, labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(labels)
        correct += (out.argmax(1) == labels).sum().item()
        count += len(labels)
    return total_loss / count, correct / count


def validate(net, loader, loss_fn):
    net.eval()
    loss, correct, count = 0.0, 0, 0
    with torch.no_grad():
        for features, labels in loader:
            out = net(features)
            loss += loss_fn(out, labels).item() * len(labels)
            correct += (out.argmax(1) == labels).sum().item()
            count += len(labels)
    return loss / count, correct / count


def train(epochs=12):
    torch.manual_seed(31)
    centres = torch.randn(6, 2, 10) * 1.2
    train_loader = DataLoader(Clusters(3000, centres), batch_size=16, shuffle=True)
    val_loader = DataLoader(Clusters(1000, centres), batch_size=64, shuffle=True)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for ep in range(epochs):
        tl, ta = train_epoch(net, train_loader, optimizer, nn.NLLLoss())
        vl, va = validate(net, val_loader, nn.NLLLoss())
        scheduler.step()
        print(f"epoch {ep + 1}, train acc {ta:.3f}, train loss {tl:.3f}, val acc {va:.3f}, val loss {vl:.4f}")
    print(f"final: val loss {vl:.4f}, val accuracy {va:.3f}")


train()
