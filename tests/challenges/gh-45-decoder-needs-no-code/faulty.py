import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(38)
SYMBOLS, LENGTH, LATENT = 12, 8, 6
motifs = torch.randint(1, SYMBOLS, (8, LENGTH // 2))


def strings(n):
    """two of eight motifs one after the other; one symbol in seven is wrong"""
    pick = torch.randint(len(motifs), (n, 2))
    s = torch.cat([motifs[pick[:, 0]], motifs[pick[:, 1]]], 1)
    return torch.where(torch.rand(s.shape) < 0.15, torch.randint(1, SYMBOLS, s.shape), s)


class StringVAE(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS, 16)
        self.encoder = nn.GRU(16, hidden, batch_first=True)
        self.mu, self.logvar = nn.Linear(hidden, LATENT), nn.Linear(hidden, LATENT)
        self.decoder = nn.GRU(16 + LATENT, hidden, batch_first=True)
        self.out = nn.Linear(hidden, SYMBOLS)

    def forward(self, s):
        _, h = self.encoder(self.embed(s))
        mu, logvar = self.mu(h[-1]), self.logvar(h[-1])
        z = mu + torch.randn_like(mu) * (logvar / 2).exp() if self.training else mu
        inputs = torch.cat([torch.zeros_like(s[:, :1]), s[:, :-1]], 1)
        feed = inputs
        states, _ = self.decoder(torch.cat([self.embed(feed), z[:, None].expand(-1, s.size(1), -1)], 2))
        kl = 0.5 * (mu ** 2 + logvar.exp() - logvar - 1).sum(1).mean()
        rec = F.cross_entropy(self.out(states).flatten(0, 1), s.flatten(), reduction="sum") / len(s)
        return rec, kl, mu


def train(model, data, val, beta=1.0, epochs=22):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        for i in torch.randperm(len(data)).split(100):
            rec, kl, _ = model(data[i])
            loss = rec + beta * kl
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            rec, kl, mu = model(val)
        print(f"epoch {epoch + 1} loss {loss.item():.3f} val loss {(rec + beta * kl).item():.3f} rec {rec.item():.3f} kl {kl.item():.3f}")
    return kl.item(), mu.std(0).mean().item()


print("final: kl {:.3f}, deviation of the codes {:.3f}".format(*train(StringVAE(), strings(2000), strings(500))))
