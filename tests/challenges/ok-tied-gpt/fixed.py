import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(17)
VOCAB, CONTEXT = 24, 24
EPOCHS = 7

# a made-up language: the next token depends on the current one and on the first token of the line
table = (torch.randn(VOCAB, 4, VOCAB) * 2).softmax(-1)


def lines(n):
    ids = [torch.randint(0, VOCAB, (n,))]
    for _ in range(CONTEXT):
        ids.append(torch.multinomial(table[ids[-1], ids[0] % 4], 1).squeeze(1))
    return torch.stack(ids, 1)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.proj = nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.mlp[2].weight)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(a.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, d=32, heads=4, layers=2):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d)
        self.pos = nn.Embedding(CONTEXT, d)
        self.blocks = nn.Sequential(*[Block(d, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, VOCAB, bias=False)
        nn.init.normal_(self.tok.weight, std=0.1)
        nn.init.normal_(self.pos.weight, std=0.1)
        self.head.weight = self.tok.weight

    def forward(self, ids):
        return self.head(self.norm(self.blocks(self.tok(ids) + self.pos.weight[:ids.size(1)])))


def loss_of(batch):
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


train, val = lines(4000), lines(500)
model = GPT()
matrices = [p for p in model.parameters() if p.dim() > 1]
vectors = [p for p in model.parameters() if p.dim() == 1]
opt = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], lr=5e-3, betas=(0.9, 0.98))
steps, warmup = EPOCHS * 63, 40
sched = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda s: (s + 1) / warmup if s < warmup else 0.02 + 0.49 * (1 + math.cos(math.pi * min(1, (s - warmup) / (steps - warmup)))))

for epoch in range(1, EPOCHS + 1):
    model.train()
    run = 0.0
    for idx in torch.randperm(len(train)).split(64):
        loss = loss_of(train[idx])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        run += loss.item() / 63
    model.eval()
    with torch.no_grad():
        v = loss_of(val).item()
    print(f"epoch {epoch} train loss {run:.4f} val loss {v:.4f} perplexity {math.exp(v):.2f}")
