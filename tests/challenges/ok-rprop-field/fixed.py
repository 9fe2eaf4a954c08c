import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(2)
data = load_diabetes()
order = torch.randperm(len(data.target)).numpy()
x = torch.tensor(data.data[order] / data.data.std(0), dtype=torch.float32)
y = torch.tensor((data.target[order] - 152.0) / 77.0, dtype=torch.float32)


class RadialBasis(nn.Module):
    """Gaussian bumps around centres taken from the rows; centres stay fixed, widths and heights are learnt."""

    def __init__(self, centres):
        super().__init__()
        self.register_buffer("centres", centres.clone())
        self.log_width = nn.Parameter(torch.zeros(len(centres)) + np.log(4.0))
        self.height = nn.Parameter(torch.zeros(len(centres)))
        self.slope = nn.Parameter(torch.zeros(centres.shape[1]))
        self.level = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        distance = torch.cdist(x, self.centres)
        bumps = torch.exp(-0.5 * (distance / self.log_width.exp()) ** 2)
        return bumps @ self.height + x @ self.slope + self.level


train_x, train_y, val_x, val_y = x[:330], y[:330], x[330:], y[330:]
model = RadialBasis(train_x[:20])
optimizer = torch.optim.Rprop(model.parameters(), lr=1e-3, step_sizes=(1e-7, 0.02))
epochs = 60
for epoch in range(1, epochs + 1):
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(train_x), train_y)
        (loss + 3e-2 * (model.height.pow(2).sum() + model.slope.pow(2).sum() + (model.log_width - np.log(4.0)).pow(2).sum())).backward()
        optimizer.step()
    with torch.no_grad():
        out = model(val_x)
        val = nn.functional.mse_loss(out, val_y).item()
        r2 = 1 - val / val_y.var().item()
    print(f"epoch {epoch} train loss {loss.item():.4f} val loss {val:.4f} r2 {r2:.3f}")
