import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class Network(nn.Module):
    def __init__(self, channels=3, classes=8):
        super().__init__()
        self.conv1 = nn.Conv1d(channels, 16, 5, padding=2)
        self.conv2 = nn.Conv1d(16, 32, 5, padding=2)
        self.fc1 = nn.Linear(32 * 8, 40)
        self.fc2 = nn.Linear(40, classes)

    def forward(self, x):
        out = F.max_pool1d(F.relu(self.conv1(x)), 2)
        out = F.max_pool1d(F.relu(self.conv2(out)), 2)
        out = F.relu(self.fc1(out.flatten(1)))
        out = F.softmax(self.fc2(out), dim=1)
        return out


def recordings(n, length=32):
    t = torch.arange(length).float() / length
    activity = torch.randint(0, 8, (n,))
    pace = 1.0 + 0.8 * (activity % 4).float() + 0.15 * torch.randn(n)
    sway = torch.where(activity < 4, 0.6, 1.4)
    phase = torch.rand(n, 3, 1) * 6.283
    wave = torch.sin(6.283 * pace.view(-1, 1, 1) * t * 2 + phase) * sway.view(-1, 1, 1)
    return wave + 0.7 * torch.randn(n, 3, length), activity


def train(model, optimizer, scheduler, train_loader, test_loader, epochs):
    criterion = nn.CrossEntropyLoss()
    for e in range(epochs):
        model.train()
        correct, total_loss = 0, 0
        for sample, target in train_loader:
            output = model(sample)
            loss = criterion(output, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total_loss += loss.item()
            correct += (output.argmax(1) == target).sum().item()
        scheduler.step()
        model.eval()
        val_loss, val_correct = 0.0, 0
        with torch.no_grad():
            for sample, target in test_loader:
                output = model(sample)
                val_loss += criterion(output, target).item() * len(target)
                val_correct += (output.argmax(1) == target).sum().item()
        n = len(test_loader.dataset)
        print(f"epoch [{e + 1}/{epochs}], loss {total_loss / len(train_loader):.4f}, acc {correct / len(train_loader.dataset):.4f}, "
              f"val loss {val_loss / n:.4f}, val acc {val_correct / n:.4f}")
    print(f"final: val loss {val_loss / n:.4f}, val accuracy {val_correct / n:.4f}")


if __name__ == "__main__":
    torch.manual_seed(6)
    x, y = recordings(3500)
    xt, yt = recordings(1000)
    train_loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    test_loader = DataLoader(TensorDataset(xt, yt), batch_size=250)
    model = Network()
    epochs = 12
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    train(model, optimizer, scheduler, train_loader, test_loader, epochs)
