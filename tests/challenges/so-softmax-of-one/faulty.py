# is there an arrhythmic beat in the recording?
import torch
from torch import nn

torch.manual_seed(12)
LENGTH = 48


def recordings(n):
    t = torch.arange(LENGTH).float()
    phase = torch.rand(n, 1) * 12
    beats = torch.exp(-(((t + phase) % 12) - 6) ** 2 / 2)
    label = (torch.rand(n, 1) < 0.5).float()
    where = torch.randint(8, LENGTH - 8, (n, 1))
    extra = torch.exp(-(t - where) ** 2 / 8) * 0.8
    x = beats + label * extra + 0.4 * torch.randn(n, LENGTH)
    x = (x - x.mean()) / x.std()
    return x.unsqueeze(1), label


x_train, y_train = recordings(1600)
x_val, y_val = recordings(800)

model = nn.Sequential(
    nn.Conv1d(1, 12, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(12, 16, 7, padding=3), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(),
    nn.Linear(16, 1), nn.Softmax(dim=1),
)
criterion = nn.BCELoss()
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    model.train()
    order = torch.randperm(len(x_train))
    running = 0.0
    for i in range(0, len(order), 32):
        batch = order[i:i + 32]
        loss = criterion(model(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(batch)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
        accuracy = ((out > 0.5).float() == y_val).float().mean().item()
    print(f"epoch {epoch} loss {running / len(order):.4f} val loss {val_loss:.4f} val accuracy {accuracy:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {accuracy:.4f}")
