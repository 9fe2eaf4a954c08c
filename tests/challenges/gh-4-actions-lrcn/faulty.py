import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

ACTIONS = ["walk", "jump", "wave", "sit", "turn", "bow", "kick", "clap"]


class Clips(Dataset):
    """Short clips (8 frames of 10 x 10); a blob moves in the way of its action."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        yy, xx = np.mgrid[0:10, 0:10]
        self.label = rng.integers(0, len(ACTIONS), n)
        self.clip = np.empty((n, 8, 1, 10, 10), "float32")
        for i, action in enumerate(self.label):
            angle = action * np.pi / 4 + rng.normal(0, 0.22)
            start = rng.uniform(3, 6, 2)
            speed = rng.uniform(0.4, 0.8)
            for t in range(8):
                cy, cx = start + speed * (t - 3.5) * np.array([np.sin(angle), np.cos(angle)])
                self.clip[i, t, 0] = np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 2.0)
        self.clip += rng.normal(0, 0.15, self.clip.shape).astype("float32")

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return torch.from_numpy(self.clip[i]), int(self.label[i])


class ConvLstm(nn.Module):
    def __init__(self, latent_dim=24, hidden_size=32, n_class=len(ACTIONS)):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(8 * 25, latent_dim))
        self.lstm = nn.LSTM(latent_dim, hidden_size, batch_first=True)
        self.output_layer = nn.Sequential(
            nn.Linear(hidden_size, n_class),
            nn.Softmax(dim=1),
        )

    def forward(self, x):
        b, t = x.shape[:2]
        features = self.conv(x.flatten(0, 1)).view(b, t, -1)
        states, _ = self.lstm(features)
        return self.output_layer(states[:, -1])


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total = correct = count = 0
    for clips, labels in loader:
        output = model(clips)
        loss = criterion(output, labels)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item() * len(labels)
        correct += (output.argmax(1) == labels).sum().item()
        count += len(labels)
    return total / count, correct / count


def main():
    seed = 2
    torch.manual_seed(seed)
    train_loader = DataLoader(Clips(1600, seed), batch_size=40, shuffle=True)
    val_loader = DataLoader(Clips(500, seed + 1000), batch_size=250)
    model = ConvLstm()
    criterion = nn.CrossEntropyLoss()
    epochs = 16
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.4)
    for epoch in range(1, epochs + 1):
        train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
        with torch.no_grad():
            val_loss, val_acc = run_epoch(model, val_loader, criterion)
        schedule.step()
        print(f"epoch {epoch}/{epochs}  train loss {train_loss:.4f} acc {train_acc:.3f}  val loss {val_loss:.4f} acc {val_acc:.3f}")


main()
