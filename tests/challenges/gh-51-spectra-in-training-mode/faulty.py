import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
import torch.utils.data as data

torch.manual_seed(18)
rng = np.random.default_rng(seed=18)
N_BANDS, N_CLASSES = 48, 6
bands = np.linspace(0, 1, N_BANDS)
peaks = np.stack([np.exp(-(bands - c) ** 2 / 0.02) + 0.6 * np.exp(-(bands - d) ** 2 / 0.005)
                  for c, d in rng.uniform(0, 1, (N_CLASSES, 2))])


def field(pixels, crop):
    """spectra of the pixels of one field; nine in ten show its crop"""
    classes = np.where(rng.random(pixels) < 0.9, crop, rng.integers(0, N_CLASSES, pixels))
    sun = rng.uniform(0.7, 1.3, (pixels, 1))
    return sun * peaks[classes] + 0.6 * rng.normal(size=(pixels, N_BANDS)), classes


def image(fields):
    parts = [field(40, k % N_CLASSES) for k in range(fields)]
    x = np.concatenate([p[0] for p in parts]).astype(np.float32)
    y = np.concatenate([p[1] for p in parts])
    return data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))


def train(net, optimizer, criterion, loader, val_loader, scheduler, epochs=15):
    for e in range(1, epochs + 1):
        net.train()
        avg_loss = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
            avg_loss += loss.item()
        scheduler.step()
        val_loss, val_acc = val(net, criterion, val_loader)
        print(f"epoch {e} train loss {avg_loss / len(loader):.4f} val loss {val_loss:.4f} accuracy {val_acc:.3f}")
    return val_loss, val_acc


def val(net, criterion, loader):
    losses, hits, total = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = net(x)
            losses += criterion(out, y).item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            total += len(y)
    return losses / total, hits / total


net = nn.Sequential(nn.Linear(N_BANDS, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.5),
                    nn.Linear(96, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.5), nn.Linear(48, N_CLASSES))
train_loader = data.DataLoader(image(60), batch_size=60, shuffle=True)
val_loader = data.DataLoader(image(24), batch_size=40)
optimizer = optim.Adagrad(net.parameters(), lr=0.02, weight_decay=1e-3)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.4)
loss, acc = train(net, optimizer, nn.CrossEntropyLoss(), train_loader, val_loader, scheduler)
print(f"final: val loss {loss:.4f}, accuracy {acc:.3f}")
