import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Sensors(IterableDataset):
    """an endless stream; each epoch reads the next part of it"""

    def __init__(self, length, seed):
        self.length = length
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self):
        for _ in range(self.length):
            wear = torch.rand((), generator=self.generator)
            load = torch.rand((), generator=self.generator)
            noise = torch.randn(8, generator=self.generator)
            hum = torch.stack([wear * load, wear ** 2, load, (3 * wear).sin(), (wear - load).abs(), 1 - wear, load ** 2, wear.sqrt()])
            yield (hum - 0.45) / 0.4 + 0.4 * noise, (wear - 0.5) / 0.29


def mean_loss(model, loader, loss_fn):
    model.eval()
    with torch.no_grad():
        return sum(loss_fn(model(x).squeeze(1), y).item() for x, y in loader) / 4


def main(epochs=10):
    torch.manual_seed(10)
    stream = Sensors(2000, seed=11)
    val = list(DataLoader(Sensors(1000, seed=12), batch_size=250))
    model = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 1))
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    loss_fn = nn.MSELoss()
    for epoch in range(epochs):
        model.train()
        total, count = 0.0, 0
        for x, y in DataLoader(stream, batch_size=40):
            opt.zero_grad()
            loss = loss_fn(model(x).squeeze(1), y)
            loss.backward()
            opt.step()
            total, count = total + loss.item(), count + 1
        sched.step()
        v = mean_loss(model, val, loss_fn)
        print(f"epoch {epoch + 1} train loss {total / count:.4f} val loss {v:.4f}")
    print(f"final: val loss {v:.4f}")


if __name__ == "__main__":
    main()
