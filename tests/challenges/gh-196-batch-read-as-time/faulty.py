import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
steps, n_features, n_gestures, hidden = 24, 3, 4, 32


def record(n):
    """acceleration while somebody waves, draws a circle, knocks or shakes; then the hand comes to rest"""
    kind = torch.randint(n_gestures, (n,))
    t = torch.linspace(0, 1, steps)[None, :, None]
    speed = torch.tensor([1.0, 1.6, 2.2, 2.8])[kind][:, None, None] * (1 + 0.12 * torch.randn(n, 1, 1))
    axis = torch.tensor([1.0, 0.6, -0.5]) + 0.3 * torch.randn(n, 1, n_features)
    move = axis * torch.sin(6.28 * (speed * t + torch.rand(n, 1, 1))) * torch.clamp(4 * (0.8 - t), 0, 1)
    return move + 0.2 * torch.randn(n, steps, n_features), kind


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden)
        self.classifier = nn.Linear(hidden, n_gestures)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.classifier(out[:, -1, :])


train_loader = DataLoader(TensorDataset(*record(2400)), batch_size=60, shuffle=True)
test_loader = DataLoader(TensorDataset(*record(900)), batch_size=60)
model = GestureNet()
criterion = nn.CrossEntropyLoss()
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, epochs=epochs, steps_per_epoch=len(train_loader))

for epoch in range(epochs):
    for i, (x, labels) in enumerate(train_loader):
        loss = criterion(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
    correct = summed = 0
    with torch.no_grad():
        for x, labels in test_loader:
            outputs = model(x)
            summed += criterion(outputs, labels).item() * len(x)
            correct += (outputs.argmax(1) == labels).sum().item()
    print(f"epoch [{epoch + 1}/{epochs}] loss {loss.item():.4f} val loss {summed / 900:.4f} accuracy {correct / 900:.3f}")
print(f"final: val loss {summed / 900:.4f}, accuracy {correct / 900:.3f}")
