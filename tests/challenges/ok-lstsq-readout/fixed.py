# variable projection: the hidden layers are learnt by gradient, the last layer is the ridge solution on all training data
import torch
import torch.nn as nn

SEED = 77
torch.manual_seed(SEED)


def kiln(n):
    """Strength and shrinkage of fired bricks from five settings of the kiln."""
    s = 2 * torch.rand(n, 5) - 1
    strength = torch.sin(2.5 * s[:, 0]) * (1 + s[:, 1]) + s[:, 2] ** 2
    shrink = torch.exp(s[:, 3]) * torch.tanh(2 * s[:, 0] + s[:, 4])
    return s, torch.stack([strength, shrink], 1) + 0.2 * torch.randn(n, 2)


class Kiln(nn.Module):
    def __init__(self, width=40):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(5, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.readout = nn.Linear(width, 2)
        self.readout.requires_grad_(False)

    def forward(self, x):
        return self.readout(self.hidden(x))

    @torch.no_grad()
    def solve(self, x, y, ridge=1.0):
        h = torch.cat([self.hidden(x), torch.ones(len(x), 1)], 1)
        w = torch.linalg.solve(h.T @ h + ridge * torch.eye(h.shape[1]), h.T @ y)
        self.readout.weight.copy_(w[:-1].T)
        self.readout.bias.copy_(w[-1])


x_train, y_train = kiln(2000)
x_val, y_val = kiln(600)
model = Kiln()
optimizer = torch.optim.Adam(model.hidden.parameters(), lr=5e-3)
mse = nn.MSELoss()
epochs = 40
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
model.solve(x_train, y_train)
for epoch in range(1, epochs + 1):
    losses = []
    for k, b in enumerate(torch.randperm(len(x_train)).split(50)):
        loss = mse(model(x_train[b]), y_train[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if k % 10 == 9:
            model.solve(x_train, y_train)
    scheduler.step()
    with torch.no_grad():
        val = mse(model(x_val), y_val).item()
    print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val:.4f} explained {1 - val / y_val.var(0).mean().item():.3f}")
