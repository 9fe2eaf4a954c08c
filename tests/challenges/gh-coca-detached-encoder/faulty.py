import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(72)
TOKENS, LENGTH = 60, 10


class Encoder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.token = nn.Embedding(TOKENS, dim)
        self.place = nn.Parameter(0.1 * torch.randn(LENGTH, dim))
        layer = nn.TransformerEncoderLayer(dim, nhead=2, dim_feedforward=48, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x):
        return self.blocks(self.token(x) + self.place)


class Captioner(nn.Module):
    def __init__(self, dim=16, classes=6):
        super().__init__()
        self.encoder = Encoder(dim)
        self.pool = nn.Linear(dim, 8)
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        features = self.encoder(x).clone().detach()
        return self.head(F.gelu(self.pool(features.mean(1))))


def examples(n, group):
    x = torch.randint(0, TOKENS, (n, LENGTH))
    votes = F.one_hot(group[x], 6).sum(1).float() + 0.01 * torch.rand(n, 6)
    y = votes.argmax(1)
    wrong = torch.rand(n) < 0.1
    y[wrong] = torch.randint(0, 6, (int(wrong.sum()),))
    return x, y


group = torch.arange(TOKENS) % 6
x, y = examples(4000, group)
xv, yv = examples(1000, group)
model = Captioner()
epochs = 14
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.02)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=epochs * 63)
for epoch in range(epochs):
    model.train()
    for idx in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val, acc = F.cross_entropy(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f} val accuracy {acc:.4f}")
print(f"final: val loss {val:.4f}, val accuracy {acc:.4f}")
