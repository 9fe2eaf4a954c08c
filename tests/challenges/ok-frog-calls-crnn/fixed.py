import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(13)
EPOCHS = 9
SPECIES, BANDS, FRAMES = 5, 16, 32


def pond(n, pitch, rate):
    """Spectrograms of calls in a noisy pond; a species is known by its pitch and by how fast it croaks."""
    y = torch.randint(SPECIES, (n,))
    band = torch.arange(BANDS).view(1, BANDS, 1).float()
    frame = torch.arange(FRAMES).view(1, 1, FRAMES).float()
    p = (pitch[y] + 0.8 * torch.randn(n)).view(n, 1, 1)
    r = (rate[y] * (1 + 0.1 * torch.randn(n))).view(n, 1, 1)
    beat = torch.relu(torch.sin(r * frame + 6.28 * torch.rand(n, 1, 1)))
    spec = 1.6 * torch.exp(-((band - p) / 1.5) ** 2) * beat
    return TensorDataset((spec + 0.7 * torch.randn(n, BANDS, FRAMES)).unsqueeze(1), y)


class CRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d((2, 1)),
                                  nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d((2, 2)))
        self.gru = nn.GRU(12 * 4, 24, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(48, SPECIES)

    def forward(self, x):
        maps = self.conv(x)
        steps = maps.permute(0, 3, 1, 2).flatten(2)
        out, _ = self.gru(steps)
        return self.fc(self.drop(out.mean(1)))


pitch = torch.tensor([4.0, 4.5, 7.5, 11.0, 11.5])
rate = torch.tensor([0.5, 1.1, 0.8, 0.5, 1.0])
train_loader = DataLoader(pond(1200, pitch, rate), batch_size=40, shuffle=True)
val_loader = DataLoader(pond(600, pitch, rate), batch_size=200)
model = CRNN()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    val_loss = correct = 0
    with torch.no_grad():
        for x, y in val_loader:
            out = model(x)
            val_loss += criterion(out, y).item() / len(val_loader)
            correct += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} accuracy {correct / 600:.3f}")
