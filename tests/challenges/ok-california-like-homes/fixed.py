import copy
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Homes:
    """income of the block, age, rooms, district; the price is skewed"""

    def __init__(self, n=4000, seed=41):
        g = torch.Generator().manual_seed(seed)
        self.income = torch.exp(0.5 * torch.randn(n, generator=g)) * 3.5
        self.age = 1 + 50 * torch.rand(n, generator=g)
        self.rooms = 2 + 6 * torch.rand(n, generator=g)
        self.district = torch.randint(12, (n,), generator=g)
        level = 0.4 * torch.randn(12, generator=g)
        log_price = 11 + 0.7 * self.income.log() + level[self.district] + 0.1 * torch.sin(self.age / 6) + 0.05 * self.rooms
        self.price = torch.exp(log_price + 0.25 * torch.randn(n, generator=g))

    def tensors(self):
        numbers = torch.stack([self.income.log(), self.age / 50, self.rooms / 8], 1)
        numbers = (numbers - numbers.mean(0)) / numbers.std(0)
        target = self.price.log()
        return numbers, self.district, (target - target.mean()) / target.std(), target.std().item()


class PriceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.place = nn.Embedding(12, 4)
        self.net = nn.Sequential(nn.Linear(7, 48), nn.SiLU(), nn.Dropout(0.1), nn.Linear(48, 24), nn.SiLU(), nn.Linear(24, 1))

    def forward(self, numbers, district):
        return self.net(torch.cat([numbers, self.place(district)], 1)).squeeze(1)


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.waited, self.state = patience, math.inf, 0, None

    def __call__(self, loss, model):
        if loss < self.best - 1e-4:
            self.best, self.waited, self.state = loss, 0, copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience


def main():
    torch.manual_seed(41)
    numbers, district, target, scale = Homes().tensors()
    train_set, val_set = random_split(TensorDataset(numbers, district, target), [3000, 1000])
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=500)
    model, criterion = PriceNet(), nn.HuberLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=2)
    stop = EarlyStopping(patience=6)
    epochs = 40
    for epoch in range(epochs):
        model.train()
        for x, d, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x, d), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        model.eval()
        with torch.no_grad():
            v = sum(criterion(model(x, d), y).item() * len(y) for x, d, y in val_loader) / len(val_set)
        plateau.step(v)
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {v:.4f} lr {optimizer.param_groups[0]['lr']:.2g}")
        if stop(v, model):
            print("no improvement for a while, stopping")
            break
    model.load_state_dict(stop.state)
    print(f"final: best val loss {stop.best:.4f}, typical error {100 * scale * (2 * stop.best) ** 0.5:.1f} %")


if __name__ == "__main__":
    main()
