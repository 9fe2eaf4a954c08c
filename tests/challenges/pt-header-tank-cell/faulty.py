# %% Level in a header tank from the log of its two valves
import torch
from torch import nn

seed = 12
torch.manual_seed(seed)
STEPS = 40

# %% data: inflow, outflow (both logged with noise); the level at the end of the log
def logs(n):
    flow_in = torch.rand(n, STEPS) * (torch.rand(n, STEPS) < 0.5)
    flow_out = torch.rand(n, STEPS) * (torch.rand(n, STEPS) < 0.5)
    level = torch.zeros(n)
    for t in range(STEPS):
        level = 0.97 * level + 0.4 * (flow_in[:, t] - flow_out[:, t])
    x = torch.stack([flow_in, flow_out], 2) + 0.02 * torch.randn(n, STEPS, 2)
    return x, (level + 0.12 * torch.randn(n)).unsqueeze(1)


x_train, y_train = logs(1500)
x_val, y_val = logs(500)


# %% model
class Tank(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.cell = nn.GRUCell(2, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        for t in range(x.size(1)):
            h = self.cell(x[:, t])
        return self.out(h)


net = Tank()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
mse = nn.MSELoss()

# %% training
epochs = 18
for epoch in range(1, epochs + 1):
    losses = []
    for b in torch.randperm(len(x_train)).split(50):
        loss = mse(net(x_train[b]), y_train[b])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    with torch.no_grad():
        val = mse(net(x_val), y_val)
    print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val.item():.4f} "
          f"R2 {1 - val.item() / y_val.var().item():.3f}")
