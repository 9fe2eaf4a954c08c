# Autoencoder whose code is six letters out of an alphabet of five, drawn by Gumbel-softmax with a temperature that falls
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(17)
rng = np.random.default_rng(17)
LETTERS, ALPHABET = 6, 5


def panels(n):
    """settings of a control panel: six knobs with four positions each, read by 30 noisy gauges"""
    gauges = np.random.RandomState(4).randn(6, 4, 30) * 0.7
    knobs = rng.integers(0, 4, (n, 6))
    clean = sum(gauges[k, knobs[:, k]] for k in range(6))
    return torch.tensor(clean + rng.normal(0, 0.7, clean.shape), dtype=torch.float32)


class LetterCoder(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.temperature = 1.0
        self.encoder = nn.Sequential(nn.Linear(30, width), nn.ELU(), nn.Linear(width, LETTERS * ALPHABET))
        self.decoder = nn.Sequential(nn.Linear(LETTERS * ALPHABET, width), nn.ELU(), nn.Linear(width, 30))

    def forward(self, x):
        logits = self.encoder(x).view(-1, LETTERS, ALPHABET)
        if self.training:
            code = F.gumbel_softmax(logits, tau=self.temperature, dim=-1)
        else:
            code = F.one_hot(logits.argmax(-1), ALPHABET).float()
        return self.decoder(code.flatten(1)), logits


train_x, val_x = panels(3000), panels(800)
loader = DataLoader(train_x, batch_size=60, shuffle=True, drop_last=True)
model = LetterCoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

EPOCHS = 30
for epoch in range(EPOCHS):
    model.train()
    model.temperature = max(0.4, 1.0 * 0.94 ** epoch)
    if epoch == int(0.8 * EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] *= 0.2
    losses = []
    for x in loader:
        out, logits = model(x)
        log_q = logits.log_softmax(-1)
        entropy = -(log_q.exp() * log_q).sum(-1).mean()
        loss = F.mse_loss(out, x) + 1e-3 * (np.log(ALPHABET) - entropy)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        out, logits = model(val_x)
        val_loss = F.mse_loss(out, val_x).item()
        used = len(torch.unique(logits.argmax(-1), dim=0))
    print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} different codes {used}")
print("variance of the gauges", round(val_x.var(0).mean().item(), 3))
