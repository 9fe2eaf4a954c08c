import math
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

COMMODITIES, GRADES, LINES = 16, 5, 10


def manifests(n, seed):
    """Ten lines of a ship's manifest (commodity, grade or illegible) and one commodity that is asked for; the answer is its grade."""
    g = torch.Generator().manual_seed(seed)
    goods = torch.rand(n, COMMODITIES, generator=g).argsort(1)[:, :LINES]
    grade = torch.randint(0, GRADES, (n, LINES), generator=g)
    row = torch.randint(0, LINES, (n, 1), generator=g)
    shown = torch.where(torch.rand(n, LINES, generator=g) < 0.1, GRADES, grade)
    return TensorDataset(goods, shown, goods.gather(1, row).squeeze(1), grade.gather(1, row).squeeze(1))


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, query, context):
        scores = self.q(query) @ self.k(context).transpose(1, 2) / math.sqrt(query.size(-1))
        return self.softmax(scores) @ self.v(context)


class Reader(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.goods = nn.Embedding(COMMODITIES, dim)
        self.grade = nn.Embedding(GRADES + 1, dim)
        self.attention = nn.ModuleList([Attention(dim), Attention(dim)])
        self.norm = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)])
        self.out = nn.Sequential(nn.Linear(dim, 64), nn.GELU(), nn.Linear(64, GRADES))

    def forward(self, goods, grade, asked):
        context = self.goods(goods) + self.grade(grade)
        h = self.goods(asked).unsqueeze(1)
        for attention, norm in zip(self.attention, self.norm):
            h = h + attention(norm(h), context)
        return self.out(h.squeeze(1))


def main(epochs=8):
    torch.manual_seed(5)
    train = DataLoader(manifests(8000, 1), batch_size=50, shuffle=True)
    val = DataLoader(manifests(1000, 2), batch_size=250)
    model = Reader()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, epochs=epochs, steps_per_epoch=len(train))
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        train_loss = 0.0
        for *inputs, answer in train:
            optimizer.zero_grad()
            loss = criterion(model(*inputs), answer)
            loss.backward()
            optimizer.step()
            scheduler.step()
            train_loss += loss.item() / len(train)
        model.eval()
        val_loss = right = 0
        with torch.no_grad():
            for *inputs, answer in val:
                out = model(*inputs)
                val_loss += criterion(out, answer).item() / len(val)
                right += (out.argmax(1) == answer).sum().item()
        print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} accuracy {right / 1000:.3f}")


if __name__ == "__main__":
    main()
