import resource

import torch
import torch.nn as nn


class Balance(nn.Module):
    """does the account end the month above where it began? (40 bookings)"""

    def __init__(self, hidden=40):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.out(states[:, -1]).squeeze(1), states


def accounts(n, length=40):
    x = torch.randn(n, length, 1)
    recent = torch.linspace(0.2, 1.0, length)
    score = (x[:, :, 0] * recent).sum(1) / 3.9
    return x, (score + 0.5 * torch.randn(n) > 0).float()


def train(net, epochs=14):
    x, y = accounts(1400)
    x_val, y_val = accounts(500)
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    val_loss = None
    for epoch in range(epochs):
        net.train()
        trace = []
        for idx in torch.randperm(len(x)).split(48):
            logits, states = net(x[idx])
            loss = loss_fn(logits, y[idx])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            trace.append(states.detach()[:, -1].clone())
        scheduler.step()
        net.eval()
        with torch.no_grad():
            val_loss = loss_fn(net(x_val)[0], y_val).item()
        spread = torch.cat(trace).std(0).mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} spread of the last states {spread:.3f}")
    return val_loss


if __name__ == "__main__":
    torch.manual_seed(52)
    result = train(Balance())
    print(f"final: val loss {result:.4f}, peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
