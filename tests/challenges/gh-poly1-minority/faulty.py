# will the pump fail within the week?
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(91)


def pumps(n):
    y = (torch.rand(n) < 0.05).float()
    x = torch.randn(n, 16, 2).cumsum(1) * 0.3 + 0.6 * torch.randn(n, 16, 2)
    ramp = torch.linspace(0, 1, 16)
    x[:, :, 0] += y[:, None] * ramp * 1.5
    x[:, :, 1] += y[:, None] * 0.45 * torch.randn(n, 16)
    return x / 1.0, y


x_train, y_train = pumps(2400)
x_val, y_val = pumps(3000)


class PumpRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(2, 12, batch_first=True)
        self.fc = nn.Linear(12, 1)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.fc(h[0]).flatten()


model = PumpRNN()
criterion = nn.BCEWithLogitsLoss()
epochs = 10
opt = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=60, shuffle=True)
for epoch in range(epochs):
    model.train()
    for xb, yb in loader:
        loss = criterion(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
        val_loss = criterion(logits, y_val).item()
        alarm = (logits > 0).float()
        recall = (alarm * y_val).sum().item() / y_val.sum().item()
        quiet = ((1 - alarm) * (1 - y_val)).sum().item() / (1 - y_val).sum().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} failures found {recall:.3f} sound ones left alone {quiet:.3f}")
print(f"final: balanced accuracy {(recall + quiet) / 2:.3f}, failures found {recall:.3f}")
