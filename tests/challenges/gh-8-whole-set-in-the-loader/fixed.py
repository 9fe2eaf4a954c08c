import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class DataModule:
    def __init__(self, x, y, val_share=0.25, batch_size=32, seed=2):
        self.batch_size = batch_size
        self.dataset = TensorDataset(x, y)
        n_val = int(len(x) * val_share)
        self.train_dataset, self.val_dataset = random_split(
            self.dataset, [len(x) - n_val, n_val], generator=torch.Generator().manual_seed(seed))

    def train_dataloader(self):
        return DataLoader(self.train_dataset, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val_dataset, batch_size=256)


class Classifier(nn.Module):
    def __init__(self, inputs, width=96, drop=0.3):
        super().__init__()
        self.net = nn.Sequential(nn.Dropout(0.1), nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(drop), nn.Linear(width, width), nn.ReLU(),
                                 nn.Dropout(drop), nn.Linear(width, 2))

    def forward(self, x):
        return self.net(x)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    loss, right, count = 0.0, 0, 0
    for x, y in loader:
        out = model(x)
        loss += nn.functional.cross_entropy(out, y, reduction="sum").item()
        right += (out.argmax(1) == y).sum().item()
        count += len(y)
    return loss / count, right / count


def main(epochs=30):
    torch.manual_seed(2)
    X, y = make_classification(3000, 24, n_informative=10, n_redundant=4, n_clusters_per_class=4, flip_y=0.25, random_state=2)
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
    X = (X - X[:1200].mean(0)) / X[:1200].std(0)
    data = DataModule(X[:1200], y[:1200])
    later = DataLoader(TensorDataset(X[1200:], y[1200:]), batch_size=600)
    model = Classifier(24)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        for xb, yb in data.train_dataloader():
            loss = nn.functional.cross_entropy(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        val_loss, val_acc = evaluate(model, data.val_dataloader())
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} val acc {val_acc:.3f}")
    later_loss, later_acc = evaluate(model, later)
    print(f"final: val loss {val_loss:.3f} accuracy {val_acc:.3f}, rows recorded later: loss {later_loss:.3f} accuracy {later_acc:.3f}")


main()
