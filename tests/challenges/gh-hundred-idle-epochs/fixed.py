import torch
from torch import nn

torch.manual_seed(33)
USERS, FILMS, N = 60, 40, 9000
taste, style = 0.7 * torch.randn(USERS, 3), 0.7 * torch.randn(FILMS, 3)
generosity, quality = 0.5 * torch.randn(USERS), 0.5 * torch.randn(FILMS)
user, film = torch.randint(0, USERS, (N,)), torch.randint(0, FILMS, (N,))
stars = (taste[user] * style[film]).sum(1) + generosity[user] + quality[film] + 0.8 * torch.randn(N)


class Factorisation(nn.Module):
    def __init__(self, rank=3):
        super().__init__()
        self.u, self.f = nn.Embedding(USERS, rank), nn.Embedding(FILMS, rank)
        self.bu, self.bf = nn.Embedding(USERS, 1), nn.Embedding(FILMS, 1)
        for e in (self.u, self.f):
            nn.init.normal_(e.weight, std=0.3)
        for e in (self.bu, self.bf):
            nn.init.zeros_(e.weight)

    def forward(self, user, film):
        return (self.u(user) * self.f(film)).sum(1) + self.bu(user)[:, 0] + self.bf(film)[:, 0]


model = Factorisation()
opt = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.3)
mse = nn.MSELoss()
cut = 7000
epochs = 100
best, stale = 1e9, 0
for epoch in range(1, epochs + 1):
    model.train()
    s = 0.0
    for i in torch.randperm(cut).split(100):
        loss = mse(model(user[i], film[i]), stars[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() * len(i) / cut
    model.eval()
    with torch.no_grad():
        v = mse(model(user[cut:], film[cut:]), stars[cut:]).item()
    print(f"epoch {epoch} train loss {s:.4f} val loss {v:.4f}")
    if v < best - 1e-3:
        best, stale = v, 0
    else:
        stale += 1
    if stale == 3:
        break
print(f"final: val loss {v:.3f} after {epoch} epochs")
