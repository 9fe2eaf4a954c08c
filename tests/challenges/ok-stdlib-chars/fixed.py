import pathlib
import sysconfig

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(19)
BLOCK, BATCH, STEPS = 32, 32, 75
epochs = 8

# python source, letter by letter
folder = pathlib.Path(sysconfig.get_paths()["stdlib"])
names = ["argparse", "ast", "configparser", "copy", "csv", "dataclasses", "difflib", "enum", "functools", "heapq", "inspect", "logging/__init__", "mailbox", "optparse", "pathlib", "pickle", "shutil", "statistics", "string", "tarfile", "textwrap", "threading", "traceback", "typing", "zipfile"]
held = {"functools", "statistics", "shutil"}
texts = {n: (folder / f"{n}.py").read_text(encoding="utf-8") for n in names}
alphabet = sorted(set("".join(texts.values())) & {chr(c) for c in [10, *range(32, 127)]})
code = {c: i for i, c in enumerate(alphabet)}
encode = lambda s: torch.tensor([code[c] for c in s if c in code])
train = torch.cat([encode(t) for n, t in texts.items() if n not in held])
val = torch.cat([encode(t) for n, t in texts.items() if n in held])


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.heads = heads

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(a.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.n2(x))


class GPT(nn.Module):
    def __init__(self, d=32, heads=2, depth=2):
        super().__init__()
        self.tok, self.pos = nn.Embedding(len(alphabet), d), nn.Embedding(BLOCK, d)
        self.blocks = nn.Sequential(*[Block(d, heads) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, len(alphabet), bias=False)
        self.apply(self.init)

    @staticmethod
    def init(m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, std=0.02)
        if isinstance(m, nn.Linear) and m.bias is not None:
            nn.init.zeros_(m.bias)

    def forward(self, idx, targets):
        x = self.tok(idx) + self.pos(torch.arange(idx.shape[1]))
        logits = self.head(self.norm(self.blocks(x)))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def get_batch(data, starts):
    rows = data[starts[:, None] + torch.arange(BLOCK + 1)]
    return rows[:, :-1], rows[:, 1:]


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.98), weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * STEPS, pct_start=0.1)
fixed = torch.arange(0, len(val) - BLOCK - 1, len(val) // 200)
print(f"{len(train)} letters to train on, {len(val)} held out, {len(alphabet)} different ones")
for epoch in range(epochs):
    model.train()
    mean = 0.0
    for _ in range(STEPS):
        loss = model(*get_batch(train, torch.randint(0, len(train) - BLOCK - 1, (BATCH,))))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        mean += loss.item() / STEPS
    model.eval()
    with torch.no_grad():
        v = model(*get_batch(val, fixed)).item()
    print(f"epoch {epoch + 1} train loss {mean:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.3f} nats a letter")
