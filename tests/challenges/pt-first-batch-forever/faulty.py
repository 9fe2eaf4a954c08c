import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(8)


# textures: which of five directions do the stripes have?
def stripes(n, size=14):
    label = torch.randint(0, 5, (n,))
    angle = label * torch.pi / 5 + 0.15 * torch.randn(n)
    freq = 0.9 + 0.5 * torch.rand(n)
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    u = torch.cos(angle)[:, None, None] * xx + torch.sin(angle)[:, None, None] * yy
    img = torch.sin(freq[:, None, None] * u + 6.28 * torch.rand(n, 1, 1)) + 1.4 * torch.randn(n, size, size)
    return TensorDataset(img.unsqueeze(1), label)


train_set, val_set = random_split(stripes(3000), [2400, 600])
train_loader = DataLoader(train_set, batch_size=48, shuffle=True)
val_loader = DataLoader(val_set, batch_size=200)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 24, 3)
        self.fc = nn.Linear(24, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.fc(F.relu(self.conv2(x)).mean((2, 3)))


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9)
EPOCHS = 10
images, labels = next(iter(train_loader))
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.08, epochs=EPOCHS, steps_per_epoch=len(train_loader))
for epoch in range(EPOCHS):
    net.train()
    running = 0.0
    for step in range(len(train_loader)):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item()
    net.eval()
    val_loss, hits = 0.0, 0
    with torch.no_grad():
        for x, y in val_loader:
            out = net(x)
            val_loss += F.cross_entropy(out, y, reduction="sum").item()
            hits += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch}, train loss {running / len(train_loader):.4f}, val loss {val_loss / 600:.4f}, accuracy {hits / 600:.3f}")
