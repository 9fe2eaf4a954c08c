"""Curriculum: the sequences to be summed up grow from 4 to 16 steps."""
import torch
import torch.nn as nn

torch.manual_seed(84)
SHORT, LONG = 4, 16


def batch(n, length):
    """a noisy balance: deposits and withdrawals, of which some bounce (second channel)"""
    amount = torch.randn(n, length)
    bounced = (torch.rand(n, length) < 0.25).float()
    balance = (amount * (1 - bounced)).cumsum(1) / 3
    return torch.stack([amount, bounced], 2), balance + 0.3 * torch.randn(n, length)


class Ledger(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(self.gru(x)[0]).squeeze(2)


model = Ledger()
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
xv, yv = batch(800, LONG)
for epoch in range(epochs):
    length = min(LONG, SHORT + (LONG - SHORT) * epoch * 2 // epochs)
    model.train()
    total = 0.0
    for _ in range(40):
        x, y = batch(64, length)
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() / 40
    scheduler.step()
    model.eval()
    with torch.no_grad():
        v = nn.functional.mse_loss(model(xv), yv).item()
    print(f"epoch {epoch + 1} length {length} train loss {total:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f} (noise 0.09)")
