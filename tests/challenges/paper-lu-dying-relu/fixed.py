import torch
import torch.nn as nn


class Counter(nn.Module):
    """how many blobs are there?"""

    def __init__(self, bias=0.01):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1)
        self.act = nn.ReLU()
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Linear(16, 1)
        for conv in (self.conv1, self.conv2, self.conv3):
            nn.init.kaiming_uniform_(conv.weight, nonlinearity="relu")
            nn.init.constant_(conv.bias, bias)

    def forward(self, x):
        x = self.pool(self.act(self.conv1(x)))
        x = self.act(self.conv2(x))
        x = self.act(self.conv3(x))
        return self.fc(x.mean((2, 3))).squeeze(1)


def blobs(n, size=16):
    count = torch.randint(0, 6, (n,))
    img = 0.5 * torch.randn(n, 1, size, size)
    for k in range(5):
        cy, cx = torch.randint(1, size - 1, (n,)), torch.randint(1, size - 1, (n,))
        on = (count > k).float()
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                img[torch.arange(n), 0, cy + dy, cx + dx] += on
    return (img - 0.09) / 0.6, (count.float() - 2.5) / 1.7 + 0.25 * torch.randn(n)


def main():
    torch.manual_seed(9)
    epochs = 17
    x, y = blobs(2000)
    xv, yv = blobs(700)
    net = Counter()
    optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=epochs * 50)
    criterion = nn.MSELoss()
    for epoch in range(epochs):
        net.train()
        for idx in torch.randperm(2000).split(40):
            optimizer.zero_grad()
            loss = criterion(net(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            scheduler.step()
        net.eval()
        with torch.no_grad():
            val = criterion(net(xv), yv).item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f}")
    print(f"final: val loss {val:.4f}")


main()
