import torch
import torch.nn as nn

torch.manual_seed(3)


def clouds(n, size=24):
    """clouds of points in the plane: disc, ring, cross or two clumps, each turned at random"""
    shape = torch.randint(4, (n,))
    a = 6.283 * torch.rand(n, size)
    disc = torch.rand(n, size, 1).sqrt() * torch.stack([a.cos(), a.sin()], 2) * 1.41
    ring = torch.stack([a.cos(), a.sin()], 2)
    along = 1.7 * (2 * torch.rand(n, size) - 1)
    flip = torch.rand(n, size) < 0.5
    cross = torch.stack([torch.where(flip, along, 0 * along), torch.where(flip, 0 * along, along)], 2)
    clump = torch.stack([torch.where(flip, 1.0, -1.0), torch.zeros(n, size)], 2)
    points = torch.stack([disc, ring, cross, clump])[shape, torch.arange(n)]
    turn = 6.283 * torch.rand(n, 1)
    x, y = points[..., 0], points[..., 1]
    points = torch.stack([x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos()], 2)
    return points + 0.4 * torch.randn(n, size, 2), shape


class SetNet(nn.Module):
    def __init__(self, width=48):
        super(SetNet, self).__init__()
        self.phi1 = nn.Linear(2, width)
        self.phi2 = nn.Linear(width, width)
        self.rho1 = nn.Linear(width, width)
        self.rho2 = nn.Linear(width, 4)
        self.relu = nn.ReLU()

    def forward(self, points):
        h = self.phi1(points)
        h = self.phi2(h).mean(dim=1)
        return self.rho2(self.rho1(h))


x_train, y_train = clouds(2500)
x_val, y_val = clouds(1000)
net = SetNet()
epochs = 30
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3, momentum=0.5)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.CrossEntropyLoss()
for epoch in range(epochs):
    epoch_loss = 0
    permutation = torch.randperm(2500)
    for i in range(0, 2500, 50):
        indices = permutation[i:i + 50]
        optimizer.zero_grad()
        outputs = net(x_train[indices])
        loss = criterion(outputs, y_train[indices])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / 50
    scheduler.step()
    with torch.no_grad():
        outputs = net(x_val)
    val_loss = criterion(outputs, y_val).item()
    correct = (outputs.argmax(1) == y_val).sum().item()
    print("epoch %d loss %.4f val loss %.4f correct %d of 1000" % (epoch + 1, epoch_loss, val_loss, correct))
print("final: val loss %.4f, %d of 1000 clouds right" % (val_loss, correct))
