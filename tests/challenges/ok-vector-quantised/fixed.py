import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(550)


class Codebook(nn.Module):
    """nearest entry in the forward pass, identity in the backward pass"""

    def __init__(self, entries, size):
        super().__init__()
        self.entries = nn.Parameter(torch.randn(entries, size) * 0.5)

    def forward(self, z):
        nearest = torch.cdist(z, self.entries).argmin(-1)
        q = self.entries[nearest]
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss, nearest


class Coder(nn.Module):
    def __init__(self, bands=16, size=4, entries=48):
        super().__init__()
        self.down = nn.Sequential(nn.Conv1d(bands, 32, 4, 2, 1), nn.GELU(), nn.Conv1d(32, 32, 4, 2, 1), nn.GELU(), nn.Conv1d(32, size, 1))
        self.codebook = Codebook(entries, size)
        self.up = nn.Sequential(
            nn.ConvTranspose1d(size, 32, 4, 2, 1), nn.GELU(), nn.ConvTranspose1d(32, 32, 4, 2, 1), nn.GELU(), nn.Conv1d(32, bands, 1)
        )

    def forward(self, x):
        q, loss, used = self.codebook(self.down(x).transpose(1, 2))
        return self.up(q.transpose(1, 2)), loss, used


def syllables(n, bands=16, frames=32):
    """coarse mel spectrograms: four syllables of eight frames out of ten, with some loudness and noise"""
    which = torch.randint(10, (n, frames // 8))
    shape = voices[which].repeat_interleave(8, 1)
    envelope = torch.hann_window(8).repeat(frames // 8)[:, None]
    loud = (0.8 + 0.4 * torch.rand(n, frames // 8)).repeat_interleave(8, 1)[..., None]
    return (shape * envelope * loud + 0.5 * torch.randn(n, frames, bands)).transpose(1, 2)


voices = 1.5 * torch.randn(10, 16)
train, val = syllables(1200), syllables(300)
coder = Coder()
epochs = 24
optimizer = torch.optim.Adam(coder.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    coder.train()
    total = 0.0
    for idx in torch.randperm(1200).split(40):
        out, code_loss, _ = coder(train[idx])
        loss = F.mse_loss(out, train[idx]) + code_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 30
    scheduler.step()
    coder.eval()
    with torch.no_grad():
        out, _, used = coder(val)
        val_loss = F.mse_loss(out, val).item()
    print(f"epoch {epoch} loss {total:.4f} val loss {val_loss:.4f} entries used {len(used.unique())}")
print(f"final: val loss {val_loss:.4f} (variance {val.var().item():.4f}), entries used {len(used.unique())}")
