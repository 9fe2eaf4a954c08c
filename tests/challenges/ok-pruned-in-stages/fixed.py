import torch
import torch.nn as nn
import torch.nn.utils.prune as prune
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)

pixels, digit = load_digits(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(pixels / 8 - 1, digit, test_size=500, random_state=8, stratify=digit)
x_train, x_val = (torch.tensor(x, dtype=torch.float32) for x in (x_train, x_val))
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
layers = [(m, "weight") for m in model if isinstance(m, nn.Linear)]
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
epochs = 24
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
stages = {epochs // 4: 0.5, epochs * 3 // 8: 0.5, epochs // 2: 0.4}


def left():
    kept = sum((m.weight != 0).sum().item() for m, _ in layers)
    return kept / sum(m.weight.numel() for m, _ in layers)


for epoch in range(epochs):
    if epoch in stages:
        prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=stages[epoch])
    model.train()
    total = 0.0
    for x, y in loader:
        x = x + 0.15 * torch.randn_like(x)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x) / len(x_train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
        accuracy = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} loss {total:.4f} val loss {val_loss:.4f} val acc {accuracy:.4f} weights left {left():.2f}")
for m, name in layers:
    prune.remove(m, name)
print(f"final: val acc {accuracy:.4f} with {left():.2f} of the weights")
