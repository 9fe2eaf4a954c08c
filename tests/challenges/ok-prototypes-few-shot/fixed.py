import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(61)
STEPS = 16


def gestures(kinds):
    """each kind of gesture is a sum of three smooth movements in the plane"""
    return torch.randn(kinds, 3, 2), 1 + 2 * torch.rand(kinds, 3), 6.283 * torch.rand(kinds, 3)


def perform(book, kind):
    amount, pace, phase = (part[kind] for part in book)
    t = torch.linspace(0, 1, STEPS) + 0.1 * torch.rand(*kind.shape, 1)
    wave = torch.sin(6.283 * pace[..., None] * t[..., None, :] + phase[..., None])
    path = torch.einsum("...ks,...kd->...sd", wave, amount * (1 + 0.25 * torch.randn(amount.shape)))
    return path + 1.0 * torch.randn(path.shape)


def episode(book, way=5, shot=3, query=6):
    chosen = torch.randperm(len(book[0]))[:way]
    return perform(book, chosen[:, None].expand(way, shot)), perform(book, chosen[:, None].expand(way, query))


class Encoder(nn.Module):
    def __init__(self, width=48, size=24):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(2, width, 5, padding=2), nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(4), nn.Flatten(),
        )
        self.out = nn.Linear(4 * width, size)

    def forward(self, paths):
        way, each = paths.shape[:2]
        return self.out(self.body(paths.flatten(0, 1).transpose(1, 2))).view(way, each, -1)


def episode_loss(encoder, support, query):
    way, each = query.shape[:2]
    embedded = encoder(torch.cat([support, query], 1))
    prototypes = embedded[:, :support.shape[1]].mean(1)
    logits = -torch.cdist(embedded[:, support.shape[1]:].flatten(0, 1), prototypes) ** 2
    target = torch.arange(way).repeat_interleave(each)
    return F.cross_entropy(logits, target), (logits.argmax(1) == target).float().mean()


known, unknown = gestures(600), gestures(100)
val_episodes = [episode(unknown) for _ in range(120)]
encoder = Encoder()
epochs = 20
per_epoch = 60
optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    encoder.train()
    running = 0.0
    for _ in range(per_epoch):
        loss, _ = episode_loss(encoder, *episode(known))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), 5.0)
        optimizer.step()
        running += loss.item() / per_epoch
    scheduler.step()
    encoder.eval()
    with torch.no_grad():
        results = torch.tensor([episode_loss(encoder, *e) for e in val_episodes]).mean(0)
    print(f"epoch {epoch} loss {running:.4f} val loss {results[0]:.4f} val accuracy {results[1]:.3f}")
print(f"final: val loss {results[0]:.4f}, accuracy on unknown gestures {results[1]:.3f}")
