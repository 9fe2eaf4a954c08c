import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def blobs(per_class, n_classes=8, dim=10, spread=1.1):
    centres = torch.randn(n_classes, dim, generator=torch.Generator().manual_seed(77)) * 0.9
    x = centres.repeat_interleave(per_class, 0) + spread * torch.randn(per_class * n_classes, dim)
    return x / 1.4, torch.arange(n_classes).repeat_interleave(per_class)


class MLP(nn.Module):
    def __init__(self, dim=10, hidden=48, classes=8):
        super().__init__()
        self.l1 = nn.Linear(dim, hidden)
        self.l2 = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.l2(F.relu(self.l1(x)))


def fit(model, train, val, epochs=18):
    opt = optim.SGD(model.parameters(), lr=0.05, momentum=0.5, weight_decay=1e-3)
    for epoch in range(epochs):
        model.train()
        loss_sum = 0
        for xb, yb in train:
            opt.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            opt.step()
            loss_sum += loss.item()
        model.eval()
        vl = va = n = 0
        with torch.no_grad():
            for xb, yb in val:
                o = model(xb)
                vl += F.cross_entropy(o, yb, reduction="sum").item()
                va += (o.argmax(1) == yb).sum().item()
                n += len(xb)
        print(f"epoch {epoch + 1} train loss {loss_sum / len(train):.4f} val loss {vl / n:.4f} val accuracy {va / n:.3f}")
    return vl / n, va / n


if __name__ == "__main__":
    torch.manual_seed(13)
    loader = DataLoader(TensorDataset(*blobs(450)), batch_size=45, shuffle=True)
    val_loader = DataLoader(TensorDataset(*blobs(150)), batch_size=300)
    loss, acc = fit(MLP(), loader, val_loader)
    print(f"final: val loss {loss:.3f} val accuracy {acc:.3f}")
