import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(9)
x, y = load_digits(return_X_y=True)
xt, xv, yt, yv = train_test_split(x, y, test_size=0.3, stratify=y, random_state=5)
mean, std = xt.mean(), xt.std()
xt, xv = [torch.tensor((v - mean) / std, dtype=torch.float32) for v in (xt, xv)]
xt, xv = xt + 0.8 * torch.randn_like(xt), xv + 0.8 * torch.randn_like(xv)
yt, yv = torch.tensor(yt), torch.tensor(yv)
loader = DataLoader(TensorDataset(xt, yt), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 10))
lr = 2e-3
epochs = 15
optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.8 ** epoch)
criterion = nn.CrossEntropyLoss()
for epoch in range(epochs):
    model.train()
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        vl = criterion(out, yv).item()
        acc = (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch + 1:2d} train loss {running / len(loader):.4f} val loss {vl:.4f} acc {acc:.3f}")
print(f"final: val loss {vl:.4f} acc {acc:.3f}")
