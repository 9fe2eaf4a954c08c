import math

import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset


class Texture:
    @staticmethod
    def draw(n):
        kind = torch.randint(0, 4, (n,))
        base = torch.randn(n, 1, 10, 10)
        smooth = nn.functional.avg_pool2d(base, 3, stride=1, padding=1) * 2.6
        rows = base.mean(3, keepdim=True) * 3 + 0.4 * base
        cols = base.mean(2, keepdim=True) * 3 + 0.4 * base
        bank = torch.stack([base, smooth, rows, cols], 1)
        img = bank[torch.arange(n), kind] + 1.2 * torch.randn(n, 1, 10, 10)
        wrong = torch.rand(n) < 0.1
        kind[wrong] = torch.randint(0, 4, (int(wrong.sum()),))
        return img / 1.4, kind


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))


def train_one_epoch(model, criterion, optimizer, scheduler, loader):
    model.train()
    total = 0.0
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    scheduler.step()
    return total / len(loader.dataset)


def evaluate(model, criterion, inputs, labels):
    model.eval()
    with torch.no_grad():
        out = model(inputs)
        return criterion(out, labels).item(), (out.argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(23)
    loader = DataLoader(TensorDataset(*Texture.draw(2500)), batch_size=50, shuffle=True)
    val_inputs, val_labels = Texture.draw(1000)
    model = make_model()
    criterion = nn.CrossEntropyLoss()
    epochs = 18
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=math.ceil(epochs / 3), gamma=0.2)
    for epoch in range(epochs):
        loss = train_one_epoch(model, criterion, optimizer, scheduler, loader)
        val_loss, val_acc = evaluate(model, criterion, val_inputs, val_labels)
        print(f"epoch {epoch + 1} loss {loss:.4f} val loss {val_loss:.4f} val acc {val_acc:.3f}")
    print(f"final: val loss {val_loss:.4f}, val accuracy {val_acc:.3f}")
