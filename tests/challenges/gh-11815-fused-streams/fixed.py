import math

import torch
from torch import nn


def make_data(n, seed):
    """Ten seconds of a patient's breathing belt plus four numbers from the chart; label: apnoea or not."""
    g = torch.Generator().manual_seed(seed)
    t = torch.linspace(0, 10, 50)
    chart = torch.randn(n, 4, generator=g)
    rate = 0.2 + 0.2 * torch.rand(n, 1, generator=g)
    phase = 6.28 * torch.rand(n, 1, generator=g)
    pause = torch.rand(n, 1, generator=g) < 0.5
    start = 1 + 5 * torch.rand(n, 1, generator=g)
    held = (t > start) & (t < start + 3) & pause
    belt = torch.where(held, torch.zeros(()), torch.sin(2 * math.pi * rate * t + phase))
    belt = belt + 0.3 * torch.randn(n, 50, generator=g)
    logit = 5 * (pause.squeeze(1).float() - 0.5) + 0.7 * chart[:, 0] - 0.5 * chart[:, 2]
    label = (torch.rand(n, generator=g) < torch.sigmoid(logit)).float()
    return belt.unsqueeze(2), chart, label


class FusionNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.belt = nn.GRU(1, hidden, batch_first=True)
        self.chart = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(hidden + 8, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, belt, chart):
        states, _ = self.belt(belt)
        summary = states.amax(1).float()
        return self.head(torch.cat([summary, self.chart(chart)], dim=1)).squeeze(1)


def main(seed=11, epochs=14, batch=40):
    torch.manual_seed(seed)
    belt, chart, label = make_data(2000, 1)
    val = make_data(600, 2)
    net = FusionNet()
    optimizer = torch.optim.NAdam(net.parameters(), lr=0.004)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    bce = nn.BCEWithLogitsLoss()
    for epoch in range(1, epochs + 1):
        running = 0.0
        for idx in torch.randperm(len(label)).split(batch):
            optimizer.zero_grad()
            loss = bce(net(belt[idx], chart[idx]), label[idx])
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx) / len(label)
        scheduler.step()
        with torch.no_grad():
            out = net(val[0], val[1])
            val_loss = bce(out, val[2]).item()
            accuracy = ((out > 0) == (val[2] > 0.5)).float().mean().item()
        print(f"epoch {epoch}: train loss {running:.4f}, val loss {val_loss:.4f}, val accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
