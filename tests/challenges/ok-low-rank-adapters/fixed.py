import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(29)
TOKENS, LENGTH = 40, 12


class LowRank(nn.Module):
    """a frozen linear layer and a small correction that starts at nothing"""

    def __init__(self, layer, rank=4):
        super().__init__()
        self.layer = layer
        self.a = nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features ** 0.5)
        self.b = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x):
        return self.layer(x) + 2.0 * F.linear(F.linear(x, self.a), self.b)


class Block(nn.Module):
    def __init__(self, width, heads=2):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        n, t, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, w))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Encoder(nn.Module):
    def __init__(self, width=32, classes=4):
        super().__init__()
        self.tokens, self.places = nn.Embedding(TOKENS, width), nn.Parameter(0.02 * torch.randn(LENGTH, width))
        self.blocks = nn.ModuleList([Block(width) for _ in range(2)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, s):
        x = self.tokens(s) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


def sentences(n, leaning):
    s = torch.randint(0, TOKENS, (n, LENGTH))
    score = leaning[s].sum(1) + 0.8 * torch.randn(n, leaning.size(1))
    return s, score.argmax(1)


def fit(model, train, val, epochs, lr, title):
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        for idx in torch.randperm(len(train[0])).split(50):
            loss = F.cross_entropy(model(train[0][idx]), train[1][idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        with torch.no_grad():
            out = model(val[0])
            val_loss, accuracy = F.cross_entropy(out, val[1]).item(), (out.argmax(1) == val[1]).float().mean().item()
        print(f"{title} {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")
    return val_loss, accuracy


topics = torch.randn(TOKENS, 4)
model = Encoder()
fit(model, sentences(2500, topics), sentences(400, topics), 4, 3e-3, "general")

for p in model.parameters():
    p.requires_grad_(False)
for block in model.blocks:
    block.qkv, block.up, block.down = LowRank(block.qkv), LowRank(block.up), LowRank(block.down)
model.head = nn.Linear(32, 3)
moods = topics[:, :3] * 0.6 + torch.randn(TOKENS, 3) * 0.7
val_loss, accuracy = fit(model, sentences(2000, moods), sentences(500, moods), epochs=9, lr=4e-3, title="epoch")
share = sum(p.numel() for p in model.parameters() if p.requires_grad) / sum(p.numel() for p in model.parameters())
print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.3f}, {100 * share:.0f} % of the weights trained")
