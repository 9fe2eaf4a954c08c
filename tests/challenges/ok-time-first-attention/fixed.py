# Which machine in the hall is running? A GRU over (time, batch, features) with attention over the first dimension.
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(13)
T, MACHINES = 24, 4
epochs = 22
SIGNATURES = torch.randn(MACHINES, 4, 6)


def recordings(n):
    """Noise, with the four-step signature of one machine somewhere in it; the workers mix them up now and then."""
    y = torch.randint(0, MACHINES, (n,))
    x = 0.8 * torch.randn(T, n, 6)
    start = torch.randint(0, T - 4, (n,))
    for k in range(4):
        x[start + k, torch.arange(n)] += SIGNATURES[y, k]
    told_wrong = torch.rand(n) < 0.08
    return x, torch.where(told_wrong, torch.randint(0, MACHINES, (n,)), y)


class Listener(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(6, hidden)
        self.score = nn.Linear(hidden, 1)
        self.head = nn.Linear(hidden, MACHINES)

    def forward(self, x):
        states, _ = self.gru(x)
        weights = torch.softmax(self.score(states), dim=0)
        return self.head((weights * states).sum(dim=0))


train_x, train_y = recordings(2400)
val_x, val_y = recordings(600)
model = Listener()
optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2, weight_decay=1e-3)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for idx in torch.randperm(2400).split(60):
        loss = F.cross_entropy(model(train_x[:, idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        total += loss.item() / 40
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val_loss = F.cross_entropy(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val_loss:.4f} accuracy {acc:.3f}")
