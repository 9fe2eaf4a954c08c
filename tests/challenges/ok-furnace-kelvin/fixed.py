"""Temperature of a furnace in kelvin. Columns and target stay in their own units outside: the network scales by itself."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(33)


def furnace(n):
    gas = 20 + 60 * torch.rand(n)                   # cubic metres an hour
    air = gas * (8 + 6 * torch.rand(n))
    load = 4000 * torch.rand(n)                     # kilogrammes
    age = 10 * torch.rand(n)                        # years
    lean = air / gas / 9.6
    heat = gas * torch.exp(-2.0 * (lean - 1.05) ** 2) * (1 - 0.02 * age)
    kelvin = 620 + 950 * (1 - torch.exp(-heat / 35)) - 0.06 * load * torch.exp(-heat / 60) + 25 * torch.randn(n)
    return torch.stack([gas, air, load, age], 1), kelvin


class FurnaceNet(nn.Module):
    def __init__(self, x, y, width=48):
        super().__init__()
        self.register_buffer("x_mean", x.mean(0))
        self.register_buffer("x_std", x.std(0))
        self.register_buffer("y_mean", y.mean())
        self.register_buffer("y_std", y.std())
        self.body = nn.Sequential(nn.Linear(4, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, x):
        z = (x - self.x_mean) / self.x_std
        return self.y_mean + self.y_std * self.body(z).squeeze(-1)


train_x, train_y = furnace(6000)
val_x, val_y = furnace(1500)
net = FurnaceNet(train_x, train_y)
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
EPOCHS = 18
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 8e-3, total_steps=EPOCHS * 75, pct_start=0.2)
for epoch in range(EPOCHS):
    running = 0.0
    for b in torch.randperm(len(train_x)).split(80):
        loss = F.mse_loss(net(train_x[b]), train_y[b])          # square kelvins, in the tens of thousands at first
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        running += loss.item() / 75
    with torch.no_grad():
        p = net(val_x)
        val = F.mse_loss(p, val_y).item()
    print(f"epoch {epoch + 1} train loss {running:.1f} val loss {val:.1f} rmse {val ** 0.5:.1f} K")
