import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(58)


class PatchClassifier(nn.Module):
    """a small vision transformer on images of 12 by 12 cut into patches of 3 by 3"""

    def __init__(self, dim=24, classes=4):
        super().__init__()
        self.embed = nn.Conv2d(1, dim, 3, stride=3)
        self.pos = nn.Parameter(0.02 * torch.randn(16, dim))
        block = nn.TransformerEncoderLayer(dim, 2, 48, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, 1, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, classes))

    def forward(self, img):
        x = self.embed(img).flatten(2).transpose(1, 2) + self.pos
        return self.head(self.blocks(x).mean(1))


def pictures(n):
    img = torch.randn(n, 1, 12, 12)
    kind = torch.randint(0, 4, (n,))
    stripe = torch.arange(12) % 3 == 0
    img[kind == 1] += 1.1 * stripe.float()
    img[kind == 2] += 1.1 * stripe.float().view(-1, 1)
    img[kind == 3] += 0.7 * (stripe.float() + stripe.float().view(-1, 1))
    wrong = torch.rand(n) < 0.1
    kind[wrong] = torch.randint(0, 4, (int(wrong.sum()),))
    return (img - 0.25) / 1.1, kind


def train_one_epoch(model, optimizer, x, y, max_norm):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(40):
        loss = F.cross_entropy(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        if max_norm > 0:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        total += loss.item() * len(idx)
    return total / len(x)


clip_max_norm = 3.0
epochs = 12
x, y = pictures(2500)
xv, yv = pictures(800)
model = PatchClassifier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    loss = train_one_epoch(model, optimizer, x, y, clip_max_norm)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val, acc = F.cross_entropy(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss:.4f} val loss {val:.4f} val accuracy {acc:.4f}")
print(f"final: val loss {val:.4f}, val accuracy {acc:.4f}")
