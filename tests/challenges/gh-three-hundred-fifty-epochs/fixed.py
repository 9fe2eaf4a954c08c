import copy
import torch
from torch import nn

torch.manual_seed(3)
STEPS, CHANNELS = 16, 4


def gestures(n):
    x = torch.randn(n, STEPS, CHANNELS)
    trend = torch.linspace(-1, 1, STEPS)
    score = 1.6 * (x[:, :, 0] * trend).mean(1) * STEPS ** 0.5 + 1.0 * x[:, -4:, 1].mean(1) * 2
    y = (score + 1.0 * torch.randn(n) > 0).float()
    return x, y


class GestureNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = nn.LSTM(CHANNELS, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out.mean(1)).squeeze(-1)


x, y = gestures(1600)
xv, yv = gestures(1500)
model = GestureNet(48)
opt = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
bce = nn.BCEWithLogitsLoss()
epochs = 36
best, best_state, since = float("inf"), None, 0
for epoch in range(1, epochs + 1):
    model.train()
    running = 0.0
    for idx in torch.randperm(len(x)).split(50):
        opt.zero_grad()
        loss = bce(model(x[idx]), y[idx])
        loss.backward()
        opt.step()
        running += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        logit = model(xv)
        val = bce(logit, yv).item()
        acc = ((logit > 0).float() == yv).float().mean().item()
    print(f"epoch {epoch} train loss {running / len(x):.4f} val loss {val:.4f} val accuracy {acc:.3f}")
    if val < best:
        best, best_state, since = val, copy.deepcopy(model.state_dict()), 0
    else:
        since += 1
        if since == 3:
            break
model.load_state_dict(best_state)
model.eval()
with torch.no_grad():
    final = bce(model(xv), yv).item()
print(f"final: kept model: val loss {final:.3f} after {epoch} epochs")
