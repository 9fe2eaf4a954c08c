import torch
import torch.nn as nn

torch.manual_seed(17)


class Dense(nn.Module):
    def __init__(self, fan_in, fan_out):
        super().__init__()
        self.w = nn.Parameter(torch.randn(fan_in, fan_out) / fan_in ** 0.5)
        self.b = nn.Parameter(torch.zeros(fan_out))

    def forward(self, x):
        return x @ self.w + self.b


class Regressor(nn.Module):
    def __init__(self, sizes=(48, 128, 128, 128)):
        super().__init__()
        self.hidden = nn.ModuleList(Dense(a, b) for a, b in zip(sizes, sizes[1:]))
        self.last = Dense(sizes[-1], 1)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.tanh(layer(x))
        return self.last(x)


def sound_levels(n, mixing, weights):
    """48 correlated readings along a wing section; the standardised sound level behind it"""
    state = torch.randn(n, 4)
    x = state @ mixing + 0.3 * torch.randn(n, 48)
    level = torch.sin(state[:, 0] + 0.5 * state[:, 1]) + 0.5 * torch.tanh(state @ weights) + 0.15 * torch.randn(n)
    return x, level[:, None]


mixing, weights = torch.randn(4, 48) / 2, torch.randn(4)
x_train, y_train = sound_levels(2500, mixing, weights)
x_val, y_val = sound_levels(700, mixing, weights)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_val = (x_train - mean) / std, (x_val - mean) / std

net = Regressor()
epochs = 30
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, epochs=epochs, steps_per_epoch=50)
mse = nn.MSELoss()
for epoch in range(1, epochs + 1):
    total = 0.0
    for idx in torch.randperm(2500).view(50, 50):
        loss = mse(net(x_train[idx]), y_train[idx])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() / 50
    with torch.no_grad():
        val_loss = mse(net(x_val), y_val).item()
    print(f"epoch {epoch:3d}  train loss {total:.4f}  val loss {val_loss:.4f}")
r2 = 1 - val_loss / y_val.var(correction=0).item()
print(f"final: val loss {val_loss:.4f}, R2 {r2:.3f}")
