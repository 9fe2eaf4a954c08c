import numpy as np
import torch
from torch import nn

torch.manual_seed(9)
rng = np.random.default_rng(9)

N_GUESTS, N_WINES, K = 250, 150, 4
taste = rng.normal(0, 1, (N_GUESTS, K))
style = rng.normal(0, 1, (N_WINES, K))
guest = rng.integers(0, N_GUESTS, 24000)
wine = rng.integers(0, N_WINES, 24000)
score = (taste[guest] * style[wine]).sum(1) * 0.6 + rng.normal(0, 0.4, N_WINES)[wine] + 0.5 * rng.standard_normal(24000)
score = torch.tensor(score, dtype=torch.float32)
guest, wine = torch.from_numpy(guest), torch.from_numpy(wine)
tr, te = slice(0, 20000), slice(20000, 24000)


class Taste(nn.Module):
    def __init__(self, n_guests, n_wines, k):
        super().__init__()
        p = rng.normal(0, 0.1, (n_guests, k))
        q = rng.normal(0, 0.1, (n_wines, k))
        self.P = nn.Parameter(torch.from_numpy(p)).float()
        self.Q = nn.Parameter(torch.from_numpy(q)).float()
        self.guest_bias = nn.Parameter(torch.zeros(n_guests))
        self.wine_bias = nn.Parameter(torch.zeros(n_wines))
        self.mean = nn.Parameter(torch.zeros(1))

    def forward(self, g, w):
        return self.mean + self.guest_bias[g] + self.wine_bias[w] + (self.P[g] * self.Q[w]).sum(1)


model = Taste(N_GUESTS, N_WINES, K)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4)
epochs = 15
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=epochs)
mse = nn.MSELoss()

for epoch in range(epochs):
    order = torch.randperm(20000)
    losses = []
    for i in range(0, 20000, 100):
        b = order[i:i + 100]
        loss = mse(model(guest[tr][b], wine[tr][b]), score[tr][b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    with torch.no_grad():
        val = mse(model(guest[te], wine[te]), score[te]).item()
    print("epoch", epoch, "train loss %.4f" % np.mean(losses), "val loss %.4f" % val)

print("final: val loss %.4f, rmse %.3f, standard deviation of the scores %.3f" % (val, val ** 0.5, score[te].std().item()))
