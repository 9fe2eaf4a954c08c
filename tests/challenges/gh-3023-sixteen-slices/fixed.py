import argparse
import torch
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=26)
    parser.add_argument("--micro-batch", type=int, default=16)
    parser.add_argument("--accumulate", type=int, default=16)
    parser.add_argument("--lr", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def get_data(seed):
    x, y = make_classification(n_samples=5200, n_features=24, n_informative=12, n_redundant=4, n_classes=5,
                               n_clusters_per_class=2, class_sep=1.6, flip_y=0.04, random_state=seed)
    x = StandardScaler().fit(x[:4000]).transform(x)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    return TensorDataset(x[:4000], y[:4000]), TensorDataset(x[4000:], y[4000:])


def build_model():
    return nn.Sequential(nn.Linear(24, 64), nn.Tanh(), nn.Dropout(0.1),
                         nn.Linear(64, 64), nn.Tanh(), nn.Dropout(0.1), nn.Linear(64, 5))


def evaluate(model, dataset, criterion):
    model.eval()
    with torch.no_grad():
        x, y = dataset.tensors
        out = model(x)
    return criterion(out, y).item(), (out.argmax(1) == y).float().mean().item()


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    train, val = get_data(args.seed)
    loader = DataLoader(train, args.micro_batch, shuffle=True)
    model = build_model()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, args.epochs)

    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        optimizer.zero_grad()
        for i, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            total += loss.item() * len(x)
            loss = loss / args.accumulate
            loss.backward()
            if (i + 1) % args.accumulate == 0 or i + 1 == len(loader):
                optimizer.step()
                optimizer.zero_grad()
        scheduler.step()
        val_loss, accuracy = evaluate(model, val, criterion)
        print(f"epoch {epoch} train loss {total / len(train):.4f} val loss {val_loss:.4f} val accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
