import torch
from torch import nn

torch.manual_seed(21)
EPOCHS = 30

# watch movements: 12 makers, each movement described by 24 measured quantities
makers = torch.randn(12, 24)
mix = torch.randn(24, 24) / 24 ** 0.5


def movements(n):
    who = torch.randint(0, 12, (n,))
    x = torch.tanh(makers[who] @ mix) * 1.5 + 1.1 * torch.randn(n, 24)
    return x, who


def pairs(x, who, n):
    a = torch.randint(0, len(x), (n,))
    b = torch.randint(0, len(x), (n,))
    for i in range(0, n, 2):                     # every second pair: same maker
        same = (who == who[a[i]]).nonzero().flatten()
        b[i] = same[torch.randint(0, len(same), (1,))]
    same = (who[a] == who[b]).long()
    slip = torch.rand(n) < 0.05                  # catalogue errors
    same[slip] = 1 - same[slip]
    return x[a], x[b], same


x, who = movements(1500)
xv, whov = movements(600)
left, right, same = pairs(x, who, 3000)
left_v, right_v, same_v = pairs(xv, whov, 1000)

target, target_v = 2 * same - 1, 2 * same_v - 1

encoder = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 8))
loss_fn = nn.CosineEmbeddingLoss(margin=0.2)
optimizer = torch.optim.Adam(encoder.parameters(), lr=4e-3, weight_decay=3e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)


def auc(score, label):
    order = score.argsort()
    rank = torch.empty(len(score))
    rank[order] = torch.arange(1, len(score) + 1).float()
    pos = label.sum().item()
    return (rank[label == 1].sum().item() - pos * (pos + 1) / 2) / (pos * (len(label) - pos))


for epoch in range(EPOCHS):
    encoder.train()
    total = 0.0
    for idx in torch.randperm(len(left)).split(60):
        loss = loss_fn(encoder(left[idx]), encoder(right[idx]), target[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    encoder.eval()
    with torch.no_grad():
        u, v = encoder(left_v), encoder(right_v)
        val = loss_fn(u, v, target_v).item()
        cos = torch.cosine_similarity(u, v)
    apart = (cos[same_v == 1].mean() - cos[same_v == 0].mean()).item()
    print(f"epoch {epoch} train loss {total / len(left):.4f} val loss {val:.4f} AUC {auc(cos, same_v):.3f} cosine gap {apart:.3f}")
