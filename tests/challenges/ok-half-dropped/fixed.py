import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class WideNet(nn.Module):
    def __init__(self, n_in, n_classes):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Linear(n_in, 256), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(256, n_classes))

    def forward(self, x):
        return self.stack(x)


def survey(n, weights):
    x = torch.randn(n, 18)
    hidden = torch.tanh(x @ weights[0])
    return x, (hidden @ weights[1] * 1.6 + torch.distributions.Gumbel(0, 1).sample((n, 4))).argmax(1)


def epoch_pass(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    loss_sum = hits = n = 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            out = model(x)
            loss = criterion(out, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss_sum / n, hits / n


def main(epochs=10):
    torch.manual_seed(66)
    weights = torch.randn(18, 6) / 3, torch.randn(6, 4)
    train = DataLoader(TensorDataset(*survey(5000, weights)), batch_size=100, shuffle=True)
    val = DataLoader(TensorDataset(*survey(1500, weights)), batch_size=500)
    model = WideNet(18, 4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, epochs + 1):
        tl, ta = epoch_pass(model, train, criterion, optimizer)
        sched.step()
        vl, va = epoch_pass(model, val, criterion)
        print(f"epoch {epoch} train loss {tl:.4f} val loss {vl:.4f} val accuracy {va:.3f}")
    print(f"final: val loss {vl:.3f} val accuracy {va:.3f}")


main()
