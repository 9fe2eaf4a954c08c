import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# twenty made-up characters on a grid of 12 x 12, shifted, with thick and thin strokes and dirt
n_classes = 20
prototypes = (nn.functional.avg_pool2d(torch.randn(n_classes, 1, 12, 12), 3, stride=1) > 0.1).float()


def write(n):
    labels = torch.randint(0, n_classes, (n,))
    images = torch.zeros(n, 1, 12, 12)
    for i, k in enumerate(labels.tolist()):
        dy, dx = torch.randint(0, 3, (2,)).tolist()
        images[i, :, dy:dy + 10, dx:dx + 10] = prototypes[k] * (0.6 + 0.8 * torch.rand(()))
    images = images + 0.5 * torch.randn_like(images)
    return (images - 0.35) / 0.65, labels


train_loader = DataLoader(TensorDataset(*write(3000)), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(*write(800)), batch_size=400)

net = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3), nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.3),
    nn.Linear(32 * 3 * 3, n_classes),
).to(device)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = optim.RMSprop(net.parameters(), lr=1e-3, momentum=0.5)
EPOCHS = 16
lr_sched = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    train_loss = 0.0
    for images, labels in train_loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        outputs = net(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * labels.size(0)
    lr_sched.step()

    net.eval()
    val_loss, correct = 0.0, 0
    with torch.no_grad():
        for images, labels in val_loader:
            outputs = net(images.to(device))
            val_loss += criterion(outputs, labels.to(device)).item() * labels.size(0)
            correct += (outputs.argmax(1).cpu() == labels).sum().item()
    print(f"epoch {epoch + 1} train loss {train_loss / 3000:.4f} val loss {val_loss / 800:.4f} "
          f"val accuracy {correct / 800:.3f}")
