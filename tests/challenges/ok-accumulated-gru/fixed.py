import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

MICRO, ACCUMULATE = 10, 5
epochs = 12


def sourdoughs(n):
    """Temperature every half hour while a dough proves (series of different length) and how far it rose."""
    series, rise = [], []
    for _ in range(n):
        steps = int(torch.randint(10, 30, (1,)))
        temp = 24 + 3 * torch.randn(1) + 0.6 * torch.randn(steps).cumsum(0)
        rate = torch.exp(-((temp - 28) / 6) ** 2)
        rise.append(1.5 * torch.tanh(rate.sum() / 12) + 0.1 * torch.randn(1))
        series.append(((temp - 24) / 4).unsqueeze(1))
    return series, torch.cat(rise) - 1


class Prover(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, series):
        lengths = torch.tensor([len(s) for s in series])
        packed = pack_padded_sequence(pad_sequence(series, batch_first=True), lengths, batch_first=True, enforce_sorted=False)
        _, h = self.gru(packed)
        return self.head(h[-1]).squeeze(1)


torch.manual_seed(27)
series, rise = sourdoughs(1600)
val_series, val_rise = sourdoughs(400)
model = Prover()
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs, power=1.0)
criterion = nn.SmoothL1Loss(beta=0.2)
for epoch in range(1, epochs + 1):
    model.train()
    train_loss = 0.0
    optimizer.zero_grad()
    for i, b in enumerate(torch.randperm(len(series)).split(MICRO)):
        loss = criterion(model([series[j] for j in b]), rise[b])
        (loss / ACCUMULATE).backward()
        train_loss += loss.item() * len(b) / len(series)
        if (i + 1) % ACCUMULATE == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_series)
        val_loss = criterion(out, val_rise).item()
        error = (out - val_rise).abs().mean().item()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} mean error {error:.4f}")
