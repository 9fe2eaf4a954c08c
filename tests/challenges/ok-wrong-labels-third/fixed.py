import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(45)
CLASSES = 4
prototypes = torch.randn(CLASSES, 1, 12, 12)
prototypes = nn.functional.avg_pool2d(prototypes, 3, 1, 1) * 2


def crowd_labelled(n, wrong):
    """the crowd is wrong about every third picture"""
    y = torch.randint(0, CLASSES, (n,))
    x = prototypes[y] + torch.randn(n, 1, 12, 12)
    slip = torch.rand(n) < wrong
    return x / 1.2, torch.where(slip, torch.randint(0, CLASSES, (n,)), y)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))
        self.classify = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(144, CLASSES))

    def forward(self, x):
        return self.classify(self.features(x))


if __name__ == "__main__":
    train = DataLoader(TensorDataset(*crowd_labelled(4000, 0.33)), batch_size=80, shuffle=True)
    val = DataLoader(TensorDataset(*crowd_labelled(1000, 0.33)), batch_size=250)
    model = Small()
    epochs = 8
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, epochs=epochs, steps_per_epoch=len(train))
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        running = 0.0
        for x, y in train:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item() / len(train)
        model.eval()
        vl, right = 0.0, 0.0
        with torch.no_grad():
            for x, y in val:
                z = model(x)
                vl += loss_fn(z, y).item() / len(val)
                right += (z.argmax(1) == y).float().mean().item() / len(val)
        print(f"epoch {epoch} train loss {running:.4f} val loss {vl:.4f} agreement {right:.3f}")
    print(f"final: val loss {vl:.4f}, agreement with the crowd {right:.3f} (at best 0.75)")
