import torch
import torch.nn as nn

torch.manual_seed(21)

# ------------------------------------------------------------------ data
n_users, n_songs, k = 300, 120, 4
taste = torch.randn(n_users, k)
style = torch.randn(n_songs, k)
popular = 0.8 * torch.randn(n_songs)
score = 1.1 * taste @ style.T / k ** 0.5 * 1.6 + popular - 1.0
heard = (torch.rand(n_users, n_songs) < torch.sigmoid(score)).float()
pairs = torch.cartesian_prod(torch.arange(n_users), torch.arange(n_songs))
pairs = pairs[torch.randperm(len(pairs))]
labels = heard[pairs[:, 0], pairs[:, 1]]
n_val = 6000
val_u, val_i, val_y = pairs[:n_val, 0], pairs[:n_val, 1], labels[:n_val]
tr_u, tr_i, tr_y = pairs[n_val:, 0], pairs[n_val:, 1], labels[n_val:]


# ----------------------------------------------------------------- model
class NeuralCF(nn.Module):
    """A product part (GMF) and a perceptron part with embeddings of their own."""

    def __init__(self, users, items, dim=8):
        super().__init__()
        self.gmf_user = nn.Embedding(users, dim)
        self.gmf_item = nn.Embedding(items, dim)
        self.mlp_user = nn.Embedding(users, dim)
        self.mlp_item = nn.Embedding(items, dim)
        self.mlp = nn.Sequential(nn.Linear(2 * dim, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 16), nn.ReLU())
        self.predict = nn.Linear(dim + 16, 1)
        self.dropout = nn.Dropout(0.3)
        for emb in (self.gmf_user, self.gmf_item, self.mlp_user, self.mlp_item):
            nn.init.normal_(emb.weight, std=0.3)

    def forward(self, u, i):
        gmf = self.gmf_user(u) * self.gmf_item(i)
        mlp = self.mlp(torch.cat([self.mlp_user(u), self.mlp_item(i)], dim=-1))
        return self.predict(torch.cat([self.dropout(gmf), mlp], dim=-1)).squeeze(-1)


net = NeuralCF(n_users, n_songs)
decay = [p for n, p in net.named_parameters() if "gmf_" in n or "mlp_user" in n or "mlp_item" in n]
other = [p for n, p in net.named_parameters() if not ("gmf_" in n or "mlp_user" in n or "mlp_item" in n)]
opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.6}, {"params": other, "weight_decay": 0.01}], lr=4e-3)
bce = nn.BCEWithLogitsLoss()
EPOCHS = 12
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=EPOCHS)
best = float("inf")

for epoch in range(EPOCHS):
    net.train()
    total = 0.0
    for b in torch.randperm(len(tr_u)).split(256):
        loss = bce(net(tr_u[b], tr_i[b]), tr_y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(b)
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(val_u, val_i)
        val = bce(out, val_y).item()
        # AUC by ranks
        r = out.argsort().argsort().float() + 1
        pos = val_y.sum()
        auc = ((r[val_y == 1].sum() - pos * (pos + 1) / 2) / (pos * (len(val_y) - pos))).item()
    best = min(best, val)
    print(f"epoch {epoch + 1:2d}  train loss {total / len(tr_u):.4f}  val loss {val:.4f}  auc {auc:.3f}")
print("best", round(best, 4), "share heard", round(labels.mean().item(), 3))
