import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(29)

digits = load_digits()
images = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
train_set, val_set = random_split(TensorDataset(images, torch.tensor(digits.target)), [1400, 397])
train_loader = DataLoader(train_set, batch_size=40, shuffle=True, drop_last=True)
val_loader = DataLoader(val_set, batch_size=397)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


def attacked(model, x, y, size):
    """one step of each pixel against the classifier"""
    x = x.clone().requires_grad_()
    grad, = torch.autograd.grad(F.cross_entropy(model(x), y), x)
    return (x + size * grad.sign()).detach().clamp(0, 1)


model = Net()
epochs = 22
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, epochs=epochs, steps_per_epoch=len(train_loader))
for epoch in range(epochs):
    model.train()
    total = 0.0
    for x, y in train_loader:
        x = attacked(model, x, y, 0.15 * torch.rand(len(x), 1, 1, 1))
        loss = F.cross_entropy(model(x), y, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() / len(train_loader)
    model.eval()
    for x, y in val_loader:
        hard = attacked(model, x, y, 0.1)
        with torch.no_grad():
            clean_acc = (model(x).argmax(1) == y).float().mean().item()
            out = model(hard)
            val_loss = F.cross_entropy(out, y, label_smoothing=0.1).item()
            hard_acc = (out.argmax(1) == y).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total:.4f} val loss {val_loss:.4f} clean {clean_acc:.3f} attacked {hard_acc:.3f}")
print(f"final: val loss {val_loss:.4f}, clean {clean_acc:.3f}, attacked {hard_acc:.3f}")
