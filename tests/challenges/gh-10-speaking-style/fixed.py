"""A speaking style from a reference recording: VAE with a convolutional reference encoder and a decoder that also sees the text."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(6)
FRAMES, BINS, STYLE, PHONES = 24, 10, 4, 12


def recordings(n, generator):
    """log-mel-like frames: what is said sets the pattern of the bins, how it is said sets level, slope, tremor and its speed"""
    table = torch.randn(PHONES, BINS, generator=torch.Generator().manual_seed(0)) * 0.5
    text = torch.randint(0, PHONES, (n, FRAMES // 4), generator=generator)
    said = table[text].repeat_interleave(4, dim=1)
    level, slope, tremor, speed = (torch.randn(n, 1, 1, generator=generator) for _ in range(4))
    t = torch.linspace(-1, 1, FRAMES).view(1, -1, 1)
    tilt = torch.linspace(-1, 1, BINS).view(1, 1, -1)
    frames = said + 0.5 * level + 0.5 * slope * tilt + 0.4 * tremor * torch.sin(6 * t) + 0.4 * speed * t
    return text, frames + 0.15 * torch.randn(n, FRAMES, BINS, generator=generator)


class StyleVAE(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.reference = nn.Sequential(nn.Conv1d(BINS, 16, 5, stride=2, padding=2), nn.ReLU(), nn.Flatten(),
                                       nn.Linear(16 * FRAMES // 2, hidden), nn.ReLU())
        self.fc_mu = nn.Linear(hidden, STYLE)
        self.fc_logvar = nn.Linear(hidden, STYLE)
        self.phones = nn.Embedding(PHONES, 12)
        self.position = nn.Parameter(torch.randn(FRAMES, 8))
        self.decoder = nn.Sequential(nn.Linear(12 + 8 + STYLE, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, BINS))

    def forward(self, text, frames):
        h = self.reference(frames.transpose(1, 2))
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        style = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) if self.training else mu
        phones = self.phones(text).repeat_interleave(4, dim=1)
        n = len(text)
        x = torch.cat([phones, self.position.expand(n, -1, -1), style.unsqueeze(1).expand(-1, FRAMES, -1)], dim=-1)
        return self.decoder(x), mu, logvar


class VAELoss:
    def __init__(self, upper=0.001, anneal_steps=200):
        self.upper, self.anneal_steps = upper, anneal_steps
        self.step = 0

    def weight(self):
        return self.upper * min(1.0, self.step / self.anneal_steps)

    def __call__(self, out, frames, mu, logvar):
        reconstruction = F.mse_loss(out, frames)
        kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=1).mean()
        return reconstruction + self.weight() * kl, reconstruction, kl


def run(epochs=16, batch_size=64):
    g = torch.Generator().manual_seed(1)
    text, frames = recordings(1600, g)
    val_text, val_frames = recordings(400, g)
    model, criterion = StyleVAE(), VAELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, amsgrad=True)
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for index in torch.randperm(len(text)).split(batch_size):
            criterion.step += 1
            out, mu, logvar = model(text[index], frames[index])
            loss, _, _ = criterion(out, frames[index], mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            out, mu, logvar = model(val_text, val_frames)
            val_loss, reconstruction, kl = criterion(out, val_frames, mu, logvar)
        print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} "
              f"val mse {reconstruction:.4f} kl {kl:.4f}")


if __name__ == "__main__":
    run()
