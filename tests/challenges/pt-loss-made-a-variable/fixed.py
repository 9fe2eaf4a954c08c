import math

import torch
import torch.nn as nn
import torch.optim as optim
from torch.autograd import Variable
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)


def tremor(n, length=40):
    """Four kinds of hand movement, recorded by two accelerometers."""
    kind = torch.randint(0, 4, (n,))
    t = torch.arange(length).float()
    rate = torch.tensor([0.35, 0.55, 0.35, 0.55])[kind] + 0.03 * torch.randn(n)
    lag = torch.tensor([0.0, 0.0, 1.6, 1.6])[kind] + 0.4 * torch.randn(n)
    start = 2 * math.pi * torch.rand(n)
    a = torch.sin(rate[:, None] * t + start[:, None])
    b = torch.sin(rate[:, None] * t + start[:, None] + lag[:, None])
    return torch.stack([a, b], 2) + 0.9 * torch.randn(n, length, 2), kind


train_x, train_y = tremor(4000)
test_x, test_y = tremor(1000)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=50, shuffle=True)


class Movement(nn.Module):
    def __init__(self, hidden_size=32):
        super(Movement, self).__init__()
        self.lstm = nn.LSTM(2, hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 4)

    def forward(self, x):
        output, (h, c) = self.lstm(x)
        return self.linear(output.mean(1))


model = Movement()
criterion = nn.CrossEntropyLoss()
epochs = 12
optimizer = optim.Adam(model.parameters(), lr=0.004)
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    running = 0.0
    for inputs, labels in loader:
        inputs, labels = Variable(inputs), Variable(labels)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        outputs = model(test_x)
        val_loss = criterion(outputs, test_y).item()
        accuracy = (outputs.argmax(1) == test_y).float().mean().item()
    print("epoch %d train loss %.4f val loss %.4f val acc %.3f" % (epoch + 1, running / len(loader), val_loss, accuracy))

print("final: val loss %.3f, val accuracy %.3f" % (val_loss, accuracy))
