import torch
from torch import nn

torch.manual_seed(23)


def narma(n, order=10):
    """the tenth-order NARMA series driven by uniform noise, a classic for reservoirs; the target is measured with noise"""
    u = 0.5 * torch.rand(n)
    y = torch.zeros(n)
    for t in range(order, n - 1):
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * y[t - order + 1:t + 1].sum() + 1.5 * u[t - order + 1] * u[t] + 0.1
        y[t + 1] = y[t + 1].clamp(max=1.0)
    y = (y - 0.38) / 0.1
    return (u - 0.25) / 0.144, y + 0.2 * torch.randn(n)


class EchoState(nn.Module):
    """a random recurrent network that stays as it is, and a linear layer that reads it"""

    def __init__(self, size=160, radius=0.85):
        super().__init__()
        self.reservoir = nn.RNN(1, size, batch_first=True)
        with torch.no_grad():
            w = torch.randn(size, size) * (torch.rand(size, size) < 0.1)
            self.reservoir.weight_hh_l0.copy_(w * radius / torch.linalg.eigvals(w).abs().max())
            self.reservoir.weight_ih_l0.uniform_(-0.25, 0.25)
        for p in self.reservoir.parameters():
            p.requires_grad = False
        self.readout = nn.Linear(size + 1, 1)

    def forward(self, u, state=None):
        x, state = self.reservoir(u[:, :, None], state)
        return self.readout(torch.cat([x, u[:, :, None]], 2))[:, :, 0], state


u, y = narma(4040)
pieces_u, pieces_y = (t[:3200].view(32, 100) for t in (u, y))
u_val, y_val = u[3200:][None], y[3200:][None]
WASHOUT = 20
net = EchoState()
print("trained weights:", sum(p.numel() for p in net.parameters() if p.requires_grad))
epochs = 60
optimizer = torch.optim.Adam(net.readout.parameters(), lr=0.03)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()
for epoch in range(1, epochs + 1):
    total = 0.0
    for idx in torch.randperm(32).split(4):
        guess, _ = net(pieces_u[idx])
        loss = mse(guess[:, WASHOUT:], pieces_y[idx, WASHOUT:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 8
    scheduler.step()
    with torch.no_grad():
        guess, _ = net(u_val)
        val_loss = mse(guess[:, WASHOUT:], y_val[:, WASHOUT:]).item()
    print(f"epoch {epoch} loss {total:.4f} val loss {val_loss:.4f}")
spread = y_val[:, WASHOUT:].var().item()
print(f"final: val loss {val_loss:.4f} (variance {spread:.4f})")
