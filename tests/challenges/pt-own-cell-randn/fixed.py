import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class ElmanCell(nn.Module):
    """h' = tanh(x W + h U + b), written out."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.w = nn.Parameter(torch.randn(n_in, n_hidden) / n_in ** 0.5)
        self.u = nn.Parameter(torch.randn(n_hidden, n_hidden) / n_hidden ** 0.5)
        self.b = nn.Parameter(torch.zeros(n_hidden))

    def forward(self, x, h):
        return torch.tanh(x @ self.w + h @ self.u + self.b)


class GestureNet(nn.Module):
    def __init__(self, n_in=3, n_hidden=64, n_classes=5):
        super().__init__()
        self.n_hidden = n_hidden
        self.cell = ElmanCell(n_in, n_hidden)
        self.out = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        h = x.new_zeros(len(x), self.n_hidden)
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h)
        return self.out(h)


def gestures(n, steps=20):
    """Three acceleration axes of a hand that draws one of five figures at its own speed."""
    t = torch.linspace(0, 1, steps)
    y = torch.randint(0, 5, (n,))
    speed = 0.8 + 0.4 * torch.rand(n, 1)
    phase = 6.28 * speed * t
    k = y[:, None]
    ax = torch.where(k == 0, torch.sin(phase), torch.where(k == 1, torch.cos(phase), torch.sin(2 * phase)))
    ay = torch.where(k == 3, -torch.cos(2 * phase), torch.cos(phase + 0.4))
    az = torch.where(k == 4, 1.5 * t - 0.75, 0.5 * torch.cos(phase))
    x = torch.stack([ax, ay, az], 2) + 0.7 * torch.randn(n, steps, 3)
    return x, y


def run(seed, epochs=20, batch_size=64):
    torch.manual_seed(seed)
    train, val = TensorDataset(*gestures(3000)), TensorDataset(*gestures(800))
    train_dl = DataLoader(train, batch_size=batch_size, shuffle=True)
    val_dl = DataLoader(val, batch_size=400)
    net = GestureNet()
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [12, 16], gamma=0.2)
    for epoch in range(epochs):
        total = 0.0
        for x, y in train_dl:
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(y)
        scheduler.step()
        val_loss = right = 0
        with torch.no_grad():
            for x, y in val_dl:
                logits = net(x)
                val_loss += criterion(logits, y).item() * len(y)
                right += (logits.argmax(1) == y).sum().item()
        print(f"epoch {epoch + 1} train loss {total / len(train):.4f} val loss {val_loss / len(val):.4f} "
              f"accuracy {right / len(val):.3f}")


if __name__ == "__main__":
    seed = 8
    run(seed)
