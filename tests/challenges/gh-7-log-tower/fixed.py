"""Name the cause of a breakdown from the gauges and the last lines of the log."""
import torch
import torch.nn as nn
import torch.nn.functional as F

WORDS, LINES, GAUGES, CAUSES = 30, 10, 6, 6


def breakdowns(n, generator):
    log = torch.randint(4, WORDS, (n, LINES), generator=generator)
    spots = torch.rand(n, LINES, generator=generator).argsort(1)[:, :2].sort(1).values
    first = torch.randint(0, 3, (n,), generator=generator)
    second = (first + torch.randint(1, 3, (n,), generator=generator)) % 3
    log.scatter_(1, spots, torch.stack([first, second], 1))
    gauges = torch.randn(n, GAUGES, generator=generator)
    hot = (gauges[:, 0] + 0.5 * gauges[:, 1] > 0).long()
    cause = 2 * first + hot
    unclear = torch.rand(n, generator=generator) < 0.06
    cause[unclear] = torch.randint(0, CAUSES, (int(unclear.sum()),), generator=generator)
    return log, gauges, cause


class LogTower(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.words = nn.Embedding(WORDS, dim)
        self.lines = nn.Parameter(0.5 * torch.randn(LINES, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)

    def forward(self, log):
        return self.encoder(self.words(log) + self.lines).mean(1)


class GaugeTower(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(GAUGES, 64), nn.GELU(), nn.Linear(64, dim))

    def forward(self, gauges):
        return self.net(gauges)


class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_tower, self.gauge_tower = LogTower(), GaugeTower()
        self.classifier = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, CAUSES))

    def forward(self, log, gauges):
        text = self.log_tower(log)
        numbers = self.gauge_tower(gauges)
        return self.classifier(torch.cat([text, numbers], 1))


def main():
    torch.manual_seed(6)
    source = torch.Generator().manual_seed(60)
    log, gauges, cause = breakdowns(3200, source)
    val_log, val_gauges, val_cause = breakdowns(800, source)
    model = TwoTowers()
    epochs = 9
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * 80, pct_start=0.2)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(3200).split(40):
            loss = F.cross_entropy(model(log[rows], gauges[rows]), cause[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() / 80
        model.eval()
        with torch.no_grad():
            logits = model(val_log, val_gauges)
        val_loss = F.cross_entropy(logits, val_cause).item()
        print(f"epoch {epoch} train loss {total:.4f} val loss {val_loss:.4f} "
              f"val accuracy {(logits.argmax(1) == val_cause).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
