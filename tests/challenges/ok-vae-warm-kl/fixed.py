import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 80), nn.ReLU())
        self.mu, self.logvar = nn.Linear(80, 6), nn.Linear(80, 6)
        self.dec = nn.Sequential(nn.Linear(6, 80), nn.ReLU(), nn.Linear(80, 64))

    def forward(self, x):
        h = self.body(x)
        mu, logvar = self.mu(h), self.logvar(h).clamp(-8, 4)
        z = mu + torch.randn_like(mu) * torch.exp(logvar / 2)
        return self.dec(z), mu, logvar


def terms(model, x):
    out, mu, logvar = model(x)
    nll = F.binary_cross_entropy_with_logits(out, x, reduction="none").sum(1).mean()
    kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1).mean()
    return nll, kl


torch.manual_seed(57)
a, b = train_test_split(load_digits().data / 16.0, test_size=0.25, random_state=5)
x, xv = torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32)
model = VAE()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
epochs = 30
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    weight = min(1.0, 0.2 + epoch / 8)
    model.train()
    for idx in torch.randperm(len(x)).split(32):
        nll, kl = terms(model, x[idx])
        loss = nll + weight * kl
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    model.eval()
    with torch.no_grad():
        nll, kl = terms(model, xv)
    print(f"epoch {epoch + 1} loss {loss.item():.3f} val loss {(nll + kl).item():.4f} kl {kl.item():.3f} weight {weight:.2f}")
print(f"final: val loss {(nll + kl).item():.4f}")
