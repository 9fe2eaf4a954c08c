import torch
from torch import nn, optim

torch.manual_seed(6)


def journeys(n, steps=30):
    """Speed and slope along a cycle tour; wanted are the climb, the rests and the gain in speed."""
    speed = torch.rand(n, steps) * (torch.rand(n, steps) > 0.35)
    slope = 0.6 * torch.randn(n, 1) + torch.randn(n, steps)
    climb = (slope.clamp(min=0) * speed).sum(1) / 6
    rests = (speed == 0).float().sum(1) / 10
    late = speed[:, -10:].mean(1) * 4 - speed[:, :10].mean(1) * 4
    y = torch.stack([climb, rests, late], 1) + 0.15 * torch.randn(n, 3)
    return torch.stack([speed * 3 - 1, slope], 2), y


class TourNet(nn.Module):
    def __init__(self, input_size=2, hidden_size=32, output_size=3):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, output_size)
        self.init_weights()

    def init_weights(self):
        for name, param in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(param)
            elif "weight" in name:
                nn.init.xavier_uniform_(param)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.fc(h[-1])


x_train, y_train = journeys(4000)
x_val, y_val = journeys(1000)
mean, std = y_train.mean(0), y_train.std(0)
y_train, y_val = (y_train - mean) / std, (y_val - mean) / std

net = TourNet()
epochs = 20
optimizer = optim.Adam(net.parameters(), lr=5e-3)
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.MSELoss()
for epoch in range(1, epochs + 1):
    train_loss = 0.0
    for rows in torch.randperm(len(x_train)).split(100):
        optimizer.zero_grad()
        loss = criterion(net(x_train[rows]), y_train[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        train_loss += loss.item() * len(rows) / len(x_train)
    scheduler.step()
    with torch.no_grad():
        error = (net(x_val) - y_val) ** 2
    val_loss = error.mean().item()
    print("epoch {:2d}  train loss {:.4f}  val loss {:.4f}".format(epoch, train_loss, val_loss))
print("final: val loss {:.4f}, r2 of climb {:.3f}, rests {:.3f}, late {:.3f}".format(val_loss, *(1 - error.mean(0)).tolist()))
