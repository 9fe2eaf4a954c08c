import torch
import torch.nn as nn

torch.manual_seed(14)
torch.set_num_threads(1)


def make_series(n, length=16):
    t = torch.arange(length).float()
    period = torch.rand(n, 1) * 8 + 6
    phase = torch.rand(n, 1) * 6.28
    slope = torch.randn(n, 1) * 0.03
    s = torch.sin(6.28 * torch.cat([t, t[-1:] + 3]) / period + phase) + slope * torch.cat([t - 8, t[-1:] - 5])
    s = s + 0.2 * torch.randn_like(s)
    return s[:, :length].unsqueeze(-1), s[:, length:]


class Forecaster(nn.Module):
    def __init__(self, d=32, length=16):
        super().__init__()
        self.inp = nn.Linear(1, d)
        self.pos = nn.Parameter(0.1 * torch.randn(length, d))
        self.block = nn.TransformerEncoderLayer(d, 4, dim_feedforward=64, dropout=0.0, batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(d)
        self.out = nn.Linear(length * d, 1)

    def forward(self, x):
        h = self.norm(self.block(self.inp(x) + self.pos))
        return self.out(h.flatten(1))


x_train, y_train = make_series(3200)
x_val, y_val = make_series(1000)
model = Forecaster()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)  # warm up for one epoch
epochs = 15

for epoch in range(epochs):
    if epoch == 1:
        for group in optimizer.param_groups:
            group["lr"] = 4e-3
    if epoch == 8:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3
    if epoch == 12:
        for group in optimizer.param_groups:
            group["lr"] = 2e-4
    model.train()
    perm = torch.randperm(len(x_train))
    train_loss = 0
    for i in range(0, len(perm), 64):
        idx = perm[i:i + 64]
        optimizer.zero_grad()
        loss = loss_fn(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(idx) / len(perm)
    model.eval()
    with torch.no_grad():
        val_loss = loss_fn(model(x_val), y_val).item()
    print("epoch {}: train loss {:.4f}, val loss {:.4f}".format(epoch, train_loss, val_loss))

print("final: val loss {:.4f} (variance of the targets {:.4f})".format(val_loss, y_val.var().item()))
