import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F

ap = argparse.ArgumentParser()
ap.add_argument("--epochs", type=int, default=8)
ap.add_argument("--batch-size", type=int, default=256)
ap.add_argument("--dim", type=int, default=6)
ap.add_argument("--seed", type=int, default=27)
opt = ap.parse_args()
torch.manual_seed(opt.seed)

# clicks on advertisements: site, advertiser, hour, device, slot; about one in twelve is clicked
SIZES = torch.tensor([80, 60, 24, 4, 5])
OFFSET = torch.cat([torch.zeros(1, dtype=torch.long), SIZES.cumsum(0)[:-1]])
N = 24000
fields = torch.stack([(torch.rand(N) ** 1.3 * s).long() for s in SIZES], 1)
index = fields + OFFSET
true_w = 0.5 * torch.randn(int(SIZES.sum()))
true_v = 0.45 * torch.randn(int(SIZES.sum()), 3)
v = true_v[index]
score = true_w[index].sum(1) + 0.5 * (v.sum(1).square() - v.square().sum(1)).sum(1)
click = torch.bernoulli(torch.sigmoid(score - score.mean() - 3.0))


class FM(nn.Module):
    def __init__(self, rows, dim, rate):
        super().__init__()
        self.w0 = nn.Parameter(torch.logit(rate))
        self.w = nn.EmbeddingBag(rows, 1, mode="sum")
        self.v = nn.Embedding(rows, dim)
        nn.init.zeros_(self.w.weight)
        nn.init.normal_(self.v.weight, std=0.05)

    def forward(self, x):
        v = self.v(x)
        return self.w0 + self.w(x).squeeze(1) + 0.5 * (v.sum(1).square() - v.square().sum(1)).sum(1)


def auc(score, label):
    rank = score.argsort().argsort().double() + 1
    pos = label.sum().item()
    return ((rank[label > 0].sum() - pos * (pos + 1) / 2) / (pos * (len(label) - pos))).item()


cut = 18000
model = FM(int(SIZES.sum()), opt.dim, click[:cut].mean())
optimizer = torch.optim.AdamW([{"params": [model.w0], "weight_decay": 0.0},
                               {"params": [model.w.weight, model.v.weight], "weight_decay": 0.5}], lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, opt.epochs)
base = F.binary_cross_entropy(click[:cut].mean().expand(N - cut), click[cut:]).item()
print(f"click rate {click.mean().item():.3f}, log loss of the rate alone {base:.4f}")
for epoch in range(opt.epochs):
    model.train()
    s = 0.0
    for rows in torch.randperm(cut).split(opt.batch_size):
        loss = F.binary_cross_entropy_with_logits(model(index[rows]), click[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        s += loss.item() * len(rows) / cut
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(index[cut:])
    vl = F.binary_cross_entropy_with_logits(out, click[cut:]).item()
    print(f"epoch {epoch + 1} train loss {s:.4f} val loss {vl:.4f} auc {auc(out, click[cut:]):.4f}")
print(f"final: val loss {vl:.4f}, auc {auc(out, click[cut:]):.4f} (best possible {auc(score[cut:], click[cut:]):.4f})")
