import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(31)


def gestures(n, steps=24):
    """accelerometer traces (3 axes) of five gestures"""
    y = torch.randint(0, 5, (n,))
    t = torch.linspace(0, 6.28, steps)
    speed = torch.tensor([1.0, 1.5, 2.0, 1.0, 1.5])[y][:, None] * (0.9 + 0.2 * torch.rand(n, 1))
    turn = torch.tensor([1.0, 1.0, -1.0, -1.0, -1.0])[y][:, None]
    start = torch.rand(n, 1) * 6.28
    a = torch.stack([torch.sin(speed * t + start), turn * torch.cos(speed * t + start), 0.5 * torch.sin(t + start)], 2)
    return a + 0.7 * torch.randn(n, steps, 3), y


class GestureLSTM(nn.Module):
    def __init__(self, hidden=28):
        super().__init__()
        self.lstm = nn.LSTM(3, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(hidden, 5)

    def forward(self, x):
        h, _ = self.lstm(x)
        return self.out(self.drop(h.mean(1)))


train_loader = DataLoader(TensorDataset(*gestures(1500)), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(*gestures(800)), batch_size=400)
model = GestureLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=0.006)
scheduler = ReduceLROnPlateau(optimizer, mode="max", factor=0.2, patience=1)
loss_fn = nn.CrossEntropyLoss()
epochs = 22

for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        train_loss += loss.item() * len(x) / 1500

    model.eval()
    val_loss, correct = 0.0, 0
    with torch.no_grad():
        for x, y in val_loader:
            out = model(x)
            val_loss += loss_fn(out, y).item() * len(x) / 800
            correct += (out.argmax(1) == y).sum().item()
    scheduler.step(val_loss)
    print(f"epoch {epoch + 1:2d}  train loss {train_loss:.4f}  val loss {val_loss:.4f}  val acc {correct / 800:.4f}")
print(f"final: val loss {val_loss:.4f}, val acc {correct / 800:.4f}")
