import torch
from torch import nn


class PoolByAttention(nn.Module):
    def __init__(self, dim, heads=4):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, dim) * 0.2)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, h, padding):
        q = self.query.expand(len(h), -1, -1)
        return self.attention(q, h, h, key_padding_mask=padding, need_weights=False)[0].squeeze(1)


class SetNet(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(2, dim), nn.GELU(), nn.Linear(dim, dim))
        self.pool = PoolByAttention(dim)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 48), nn.GELU(), nn.Linear(48, 1))

    def forward(self, points, padding):
        return self.head(self.pool(self.embed(points), padding)).squeeze(1)


def baskets(n, largest=12):
    """Goods with weight and price; wanted is the price per weight of the whole basket plus noise."""
    size = torch.randint(3, largest + 1, (n, 1))
    padding = torch.arange(largest) >= size
    goods = torch.randn(n, largest, 2)
    weight = torch.exp(0.7 * goods[:, :, 0]).masked_fill(padding, 0)
    total = (weight * goods[:, :, 1]).sum(1) / weight.sum(1)
    goods = goods.masked_fill(padding.unsqueeze(2), 0.0)
    return goods, padding, 2 * total + 0.4 * torch.randn(n)


def run_epoch(net, data, criterion, optimizer=None, batch=100):
    goods, padding, price = data
    training = optimizer is not None
    net.train(training)
    order = torch.randperm(len(price)) if training else torch.arange(len(price))
    total = 0.0
    with torch.set_grad_enabled(training):
        for rows in order.split(batch):
            loss = criterion(net(goods[rows], padding[rows]), price[rows])
            if training:
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
            total += loss.item() * len(rows)
    return total / len(price)


if __name__ == "__main__":
    torch.manual_seed(13)
    train, val = baskets(5000), baskets(1500)
    net = SetNet()
    criterion = nn.MSELoss()
    epochs = 15
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        train_loss = run_epoch(net, train, criterion, optimizer)
        val_loss = run_epoch(net, val, criterion)
        scheduler.step()
        print(f"epoch {epoch}: train loss {train_loss:.4f}, val loss {val_loss:.4f}")
    print(f"final: val loss {val_loss:.4f}, variance of the target {val[2].var().item():.4f}")
