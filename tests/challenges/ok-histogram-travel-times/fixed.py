# Minutes a bus needs to the terminus, from the delays at its last ten stops.
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = 2
epochs = 20
torch.manual_seed(seed)

edges = torch.linspace(10.0, 50.0, 41)
centres = (edges[:-1] + edges[1:]) / 2
SIGMA = 1.5


def smear(minutes):
    """Probability of every bin under a Gaussian around the measured minutes."""
    cdf = torch.special.ndtr((edges - minutes[:, None]) / SIGMA)
    mass = cdf[:, 1:] - cdf[:, :-1]
    return mass / mass.sum(1, keepdim=True)


def rides(n):
    traffic = torch.randn(n, 1)
    walk = torch.cumsum(0.5 * torch.randn(n, 10), 1)
    delay = traffic + 0.4 * walk + 0.3 * torch.randn(n, 10)
    rain = (torch.rand(n, 1) < 0.3).float().expand(n, 10)
    minutes = 28 + 5 * torch.tanh(delay[:, -1]) + 2.5 * delay.mean(1) + 3 * rain[:, 0] + 1.5 * torch.randn(n)
    return torch.stack([delay, rain], 2), minutes.clamp(12, 48)


class BusGRU(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 24, batch_first=True)
        self.bins = nn.Linear(24, len(centres))

    def forward(self, x):
        return self.bins(self.gru(x)[1][-1])


x_train, m_train = rides(1600)
x_val, m_val = rides(500)
t_train, t_val = smear(m_train), smear(m_val)
model = BusGRU()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.88)

for epoch in range(epochs):
    total = 0.0
    for pick in torch.randperm(len(x_train)).split(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x_train[pick]), t_train[pick])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(pick)
    decay.step()
    with torch.no_grad():
        logits = model(x_val)
        val = F.cross_entropy(logits, t_val).item()
        mae = ((logits.softmax(1) * centres).sum(1) - m_val).abs().mean().item()
    print(f"epoch {epoch + 1:2d}  train loss {total / len(x_train):.4f}  val loss {val:.4f}  off by {mae:.2f} min")
