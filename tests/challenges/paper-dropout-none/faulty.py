# Does the patient come back within a month? Eight visits, five measurements each.
import torch
import torch.nn as nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

HIDDEN, DROPOUT, DECAY, SERIES = 96, 0.0, 0.0, 350


class Readmission(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(5, HIDDEN, batch_first=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.out = nn.Linear(HIDDEN, 1)

    def forward(self, visits):
        _, last = self.gru(visits)
        return self.out(self.dropout(last[-1])).squeeze(-1)


def patients(n):
    visits = torch.randn(n, 8, 5)
    risk = visits[:, -3:, 0].sum(1) - visits[:, -2:, 1].sum(1) + 0.8 * visits[:, :, 2].mean(1) * 2
    return visits, (risk + 1.5 * torch.randn(n) > 0).float()


def main():
    torch.manual_seed(67)
    visits, back = patients(SERIES)
    val_visits, val_back = patients(800)
    model = Readmission()
    epochs = 25
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=DECAY)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(SERIES).split(35):
            loss = bce(model(visits[idx]), back[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx) / SERIES
        scheduler.step()
        model.eval()
        with torch.no_grad():
            logits = model(val_visits)
            val_loss = bce(logits, val_back).item()
            accuracy = ((logits > 0).float() == val_back).float().mean().item()
        print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val_loss:.4f} accuracy {accuracy:.4f}")
    print(f"final: train loss {total:.4f}, val loss {val_loss:.4f}, accuracy {accuracy:.4f}")


main()
