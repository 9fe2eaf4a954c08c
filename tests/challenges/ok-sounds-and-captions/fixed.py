"""Match short sounds with their captions: two towers and a symmetric contrastive loss."""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)
epochs = 14
BATCH = 100


def make_pairs(n):
    meaning = torch.randn(n, 6)
    mix = torch.Generator().manual_seed(40)
    to_sound, to_words = torch.randn(6, 20, generator=mix) / 6 ** 0.5, torch.randn(6, 15, generator=mix) / 6 ** 0.5
    sound = torch.tanh(1.5 * meaning @ to_sound) + 0.35 * torch.randn(n, 20)
    words = (meaning @ to_words).abs() - 0.8 + 0.5 * meaning @ to_words + 0.35 * torch.randn(n, 15)
    return sound, words


class Towers(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.sound = nn.Sequential(nn.Linear(20, 64), nn.GELU(), nn.Linear(64, dim))
        self.words = nn.Sequential(nn.Linear(15, 64), nn.GELU(), nn.Linear(64, dim))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def forward(self, sound, words):
        a, b = F.normalize(self.sound(sound), dim=1), F.normalize(self.words(words), dim=1)
        return self.log_scale.exp().clamp(max=50) * a @ b.T


def clip_loss(logits):
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


train, val = make_pairs(6000), make_pairs(1000)
model = Towers()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    total = 0.0
    for b in torch.randperm(6000).split(BATCH):
        loss = clip_loss(model(train[0][b], train[1][b]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b) / 6000
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logits = [model(s, w) for s, w in zip(val[0].split(BATCH), val[1].split(BATCH))]
        val_loss = sum(clip_loss(l).item() for l in logits) / len(logits)
        hits = sum((l.argmax(1) == torch.arange(BATCH)).float().mean().item() for l in logits) / len(logits)
    print(f"epoch {epoch + 1:2d} train loss {total:.4f} val loss {val_loss:.4f} right caption {hits:.3f} scale {model.log_scale.exp().item():.1f}")
print(f"final: right caption among {BATCH}: {hits:.3f}, val loss {val_loss:.3f}")
