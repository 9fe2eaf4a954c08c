import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset


class ColumnTransformer(nn.Module):
    def __init__(self, columns, d=24, heads=4, layers=1, dropout=0.1):
        super().__init__()
        self.scale = nn.Parameter(0.5 * torch.randn(columns, d))
        self.shift = nn.Parameter(0.5 * torch.randn(columns, d))
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        block = nn.TransformerEncoderLayer(d, heads, 2 * d, dropout, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 1))

    def forward(self, x):
        tokens = x[..., None] * self.scale + self.shift
        tokens = torch.cat([self.cls.expand(len(x), 1, -1), tokens], 1)
        return self.head(self.blocks(tokens)[:, 0]).squeeze(1)


def parameter_groups(model, weight_decay):
    decay = [p for n, p in model.named_parameters() if p.ndim > 1]
    rest = [p for n, p in model.named_parameters() if p.ndim <= 1]
    return [{"params": decay, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def fit(model, loader, x_val, y_val, epochs=15, accumulate=2):
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.05), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * len(loader) // accumulate)
    criterion = nn.MSELoss()
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for step, (x, y) in enumerate(loader, start=1):
            loss = criterion(model(x), y)
            (loss / accumulate).backward()
            total += loss.item() / len(loader)
            if step % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
                scheduler.step()
        model.eval()
        with torch.no_grad():
            val = criterion(model(x_val), y_val).item()
        print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f}")
    return val


def main():
    seed = 20
    torch.manual_seed(seed)
    X, y = make_friedman1(3000, n_features=8, noise=3.0, random_state=seed)
    X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
    y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
    loader = DataLoader(TensorDataset(X[:2240], y[:2240]), batch_size=40, shuffle=True, drop_last=True)
    val = fit(ColumnTransformer(8), loader, X[2240:], y[2240:])
    print(f"final: val loss {val:.4f}")


if __name__ == "__main__":
    main()
