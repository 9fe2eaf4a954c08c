import time
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(8)
GOODS, LENGTH = 16, 10
EPOCHS = 16
LIKED = torch.randn(GOODS)


def receipts(n):
    """What a customer of the stall bought, in order, and whether he came again."""
    x = torch.randint(0, GOODS, (n, LENGTH))
    again = (LIKED[x].sum(1) > LENGTH * LIKED.mean()).long()
    return x, torch.where(torch.rand(n) < 0.06, 1 - again, again)


class CustomerNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.token = nn.Embedding(GOODS, width)
        self.place = nn.Parameter(0.1 * torch.randn(LENGTH, width))
        layer = nn.TransformerEncoderLayer(width, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        return self.out(self.encoder(self.token(x) + self.place).mean(1))


def accuracy_and_loss(model, x, y):
    model.eval()
    with torch.no_grad():
        out = model(x)
    model.train()
    return (out.argmax(1) == y).float().mean().item(), F.cross_entropy(out, y).item()


x_train, y_train = receipts(1200)
x_val, y_val = receipts(500)
model = CustomerNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
clock = time.process_time()
for epoch in range(EPOCHS):
    running, steps = 0.0, 0
    for idx in torch.randperm(len(x_train)).split(60):
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
        steps += 1
        train_acc, _ = accuracy_and_loss(model, x_train, y_train)
    val_acc, val_loss = accuracy_and_loss(model, x_val, y_val)
    print(f"epoch {epoch} train loss {running / steps:.4f} val loss {val_loss:.4f} "
          f"train acc {train_acc:.3f} val acc {val_acc:.3f} ({time.process_time() - clock:.1f} s)")
