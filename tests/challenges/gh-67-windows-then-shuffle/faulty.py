import torch
import torch.nn as nn

torch.manual_seed(57)
WINDOW, STRIDE = 30, 3


def record(seconds=90):
    """a person walks, cycles or climbs; the gait differs more between people than between activities"""
    activity = int(torch.randint(3, ()))
    t = torch.arange(seconds).float()
    own = 0.2 * torch.randn(3)
    pace = 0.4 + 0.15 * activity + 0.25 * own[0]
    x = torch.stack([torch.sin(pace * t), torch.cos(2 * pace * t + own[1]), torch.sin(0.5 * pace * t + activity + own[2])], 1)
    strength = 0.5 + 0.35 * activity + 0.12 * torch.randn(())
    return strength * x + 0.3 * torch.randn(3) + 0.6 * torch.randn(seconds, 3), activity


def cut(recordings):
    x, y = [], []
    for signal, activity in recordings:
        for start in range(0, len(signal) - WINDOW + 1, STRIDE):
            x.append(signal[start:start + WINDOW])
            y.append(activity)
    return torch.stack(x), torch.tensor(y)


class ActivityRNN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(hidden, 3)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.out(self.drop(states.mean(1)))


def score(model, x, y):
    model.eval()
    with torch.no_grad():
        logits = model(x)
    return nn.functional.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def main(epochs=12):
    people = [record() for _ in range(42)]
    strangers = [record() for _ in range(60)]
    x, y = cut(people)
    mixed = torch.randperm(len(y))
    x, y = x[mixed], y[mixed]
    split = len(y) * 28 // 42
    train_x, train_y, val_x, val_y = x[:split], y[:split], x[split:], y[split:]
    model = ActivityRNN()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        model.train()
        for idx in torch.randperm(len(train_y)).split(20):
            loss = nn.functional.cross_entropy(model(train_x[idx]), train_y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        val_loss, val_acc = score(model, val_x, val_y)
        print(f"epoch {epoch} loss {loss.item():.4f} val loss {val_loss:.4f} accuracy {val_acc:.3f}")
    new_loss, new_acc = score(model, *cut(strangers))
    print(f"final: accuracy {val_acc:.3f}, on new people {new_acc:.3f} (loss {val_loss:.3f} and {new_loss:.3f})")


main()
