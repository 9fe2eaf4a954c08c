import math
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(63)
V, D, T = 120, 96, 16
chain = torch.distributions.Dirichlet(torch.full((V,), 0.03)).sample((V,))


def sequences(n):
    s = torch.randint(0, V, (n, 1))
    while s.shape[1] <= T:
        s = torch.cat([s, torch.multinomial(chain[s[:, -1]], 1)], 1)
    return s


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(V, D)
        nn.init.normal_(self.embed.weight, std=0.05)
        self.gru = nn.GRU(D, D, batch_first=True)
        self.norm = nn.LayerNorm(D)
        self.decoder = nn.Linear(D, V, bias=False)
        self.decoder.weight = self.embed.weight

    def forward(self, s):
        return self.decoder(self.norm(self.gru(self.embed(s))[0]))


def loss_of(model, s):
    return F.cross_entropy(model(s[:, :-1]).flatten(0, 1), s[:, 1:].flatten())


train, val = sequences(1600), sequences(300)
model = LanguageModel()
print(f"untrained {loss_of(model, val).item():.3f}, log of the vocabulary {math.log(V):.3f}")
epochs = 8
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for i in torch.randperm(len(train)).split(32):
        loss = loss_of(model, train[i])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(i) / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        v = loss_of(model, val).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f}")
