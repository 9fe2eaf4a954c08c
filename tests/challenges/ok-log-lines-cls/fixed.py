"""Which service wrote this log line? Transformer encoder with a CLS token and a padding mask."""
import math
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(11)
VOCAB, CLASSES, MAXLEN, PAD, CLS = 60, 6, 12, 0, 1
EPOCHS = 8


def corpus(n):
    """Every service has eight words of its own that it likes, half of them shared with the next one."""
    y = torch.randint(0, CLASSES, (n,))
    length = torch.randint(6, MAXLEN, (n,))
    anything = torch.randint(2, VOCAB, (n, MAXLEN))
    own = 10 + (4 * y[:, None] + torch.randint(0, 8, (n, MAXLEN))) % (4 * CLASSES)
    x = torch.where(torch.rand(n, MAXLEN) < 0.4, own, anything)
    x[torch.arange(MAXLEN)[None] >= length[:, None]] = PAD
    wrong = torch.rand(n) < 0.08
    y[wrong] = torch.randint(0, CLASSES, (int(wrong.sum()),))
    return torch.cat([torch.full((n, 1), CLS), x], 1), y


class LogLineClassifier(nn.Module):
    def __init__(self, d=32, heads=4, depth=1):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d, padding_idx=PAD)
        self.pos = nn.Parameter(0.5 * torch.randn(MAXLEN + 1, d) / math.sqrt(2))
        layer = nn.TransformerEncoderLayer(d, heads, 64, dropout=0.05, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)
        self.cls = nn.Linear(d, CLASSES)

    def forward(self, ids):
        h = self.tok(ids) + self.pos
        h = self.enc(h, src_key_padding_mask=ids == PAD)
        return self.cls(self.norm(h[:, 0]))


train_x, train_y = corpus(5000)
val_x, val_y = corpus(1000)
model = LogLineClassifier()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
steps = EPOCHS * math.ceil(len(train_x) / 100)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=4e-3, total_steps=steps, pct_start=0.2)
t0 = time.time()
for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for b in torch.randperm(len(train_x)).split(100):
        opt.zero_grad()
        loss = F.cross_entropy(model(train_x[b]), train_y[b])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        total += loss.item() * len(b)
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        vl = F.cross_entropy(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(train_x):.4f} val loss {vl:.4f} accuracy {acc:.3f} lr {sched.get_last_lr()[0]:.5f}")
