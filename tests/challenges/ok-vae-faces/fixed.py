import torch
import torch.nn as nn

torch.manual_seed(44)
SIZE, LATENT = 16, 4
EPOCHS = 24


def draw(n):
    """Small grey pictures of a face: two eyes and a mouth whose place, width and bend vary; pixel values are probabilities."""
    yy, xx = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    r = lambda a, b: (a + (b - a) * torch.rand(n, 1, 1))
    cx, gap, bend, width = r(-0.35, 0.35), r(0.25, 0.55), r(-1, 1), r(0.25, 0.7)
    left = torch.exp(-((xx - cx + gap) ** 2 + (yy + 0.4) ** 2) / 0.04)
    right = torch.exp(-((xx - cx - gap) ** 2 + (yy + 0.4) ** 2) / 0.04)
    mouth = torch.exp(-((yy - 0.4 - bend * (xx - cx) ** 2) / 0.2) ** 2) * ((xx - cx).abs() < width)
    return torch.bernoulli((left + right + mouth).clamp(0.02, 0.98)).view(n, -1)


class FaceVAE(nn.Module):
    def __init__(self, d=SIZE * SIZE, h=128):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(d, h), nn.ELU(), nn.Linear(h, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, h), nn.ELU(), nn.Linear(h, d))

    def forward(self, x):
        mu, log_sigma = self.encoder(x).chunk(2, dim=1)
        z = mu + log_sigma.exp() * torch.randn_like(mu)
        return self.decoder(z), mu, log_sigma


def negative_elbo(x, logits, mu, log_sigma, beta=1.0):
    log_px = x * nn.functional.logsigmoid(logits) + (1 - x) * nn.functional.logsigmoid(-logits)
    rec = -log_px.sum(1)
    kl = (0.5 * (mu ** 2 + (2 * log_sigma).exp() - 1) - log_sigma).sum(1)
    return (rec + beta * kl).mean(), kl.mean()


train, val = draw(4000), draw(800)
model = FaceVAE()
opt = torch.optim.Adamax(model.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(EPOCHS):
    beta = min(1.0, 0.2 + epoch / 5)
    total = 0.0
    for idx in torch.randperm(len(train)).split(64):
        x = train[idx]
        loss, _ = negative_elbo(x, *model(x), beta)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(x) / len(train)
    sched.step()
    with torch.no_grad():
        out = model(val)
        val_loss, kl = negative_elbo(val, *out)
        hit = ((out[0] > 0).float() == val).float().mean()
    print(f"epoch {epoch + 1} train loss {total:.3f} val loss {val_loss.item():.3f} kl {kl.item():.3f} pixels right {hit.item():.3f}")
