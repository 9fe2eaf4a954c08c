import torch
import torch.nn as nn
from torch.optim.lr_scheduler import LambdaLR

D_MODEL, HEADS, SYMBOLS, FILLERS, STEPS = 32, 4, 8, 30, 12
WARMUP = 100


def noam(step, d_model=D_MODEL, warmup=WARMUP):
    step = max(step, 1)
    return d_model ** -0.5 * min(step ** -0.5, step * warmup ** -1.5)


class Classifier(nn.Module):
    """Which of the eight key words is among the twelve words of the command?"""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS + FILLERS, D_MODEL)
        self.position = nn.Embedding(STEPS, D_MODEL)
        layer = nn.TransformerEncoderLayer(D_MODEL, HEADS, 64, dropout=0.2, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.out = nn.Linear(D_MODEL, SYMBOLS)

    def forward(self, ids):
        x = self.embed(ids) + self.position.weight
        return self.out(self.encoder(x).mean(1))


def make(n, noise=0.05):
    ids = torch.randint(SYMBOLS, SYMBOLS + FILLERS, (n, STEPS))
    answer = torch.randint(0, SYMBOLS, (n,))
    ids[torch.arange(n), torch.randint(0, STEPS, (n,))] = answer
    wrong = torch.rand(n) < noise
    return ids, torch.where(wrong, torch.randint(0, SYMBOLS, (n,)), answer)


torch.manual_seed(2)
x, y = make(3600)
vx, vy = make(1000)
model = Classifier()
epochs = 6
optimizer = torch.optim.Adam(model.parameters(), lr=0.3, betas=(0.9, 0.98), eps=1e-9)
scheduler = LambdaLR(optimizer, noam)
criterion = nn.CrossEntropyLoss()
for epoch in range(epochs):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(60):
        loss = criterion(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(idx) / len(x)
    model.eval()
    with torch.no_grad():
        out = model(vx)
        val_loss = criterion(out, vy).item()
        acc = (out.argmax(1) == vy).float().mean().item()
    print(f"epoch {epoch + 1:2d}  train loss {total:.4f}  val loss {val_loss:.4f}  val acc {acc:.3f}  lr {scheduler.get_last_lr()[0]:.2e}")
print(f"final: val loss {val_loss:.4f}, val accuracy {acc:.3f}")
