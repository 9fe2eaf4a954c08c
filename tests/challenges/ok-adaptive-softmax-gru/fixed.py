"""Next product in a shop's click streams: thousands of rare products, adaptive softmax, state carried from chunk to chunk."""
import numpy as np
import torch
from torch import nn

torch.manual_seed(10)
PRODUCTS, STREAMS, CHUNK = 1200, 40, 12


def click_streams(length, rng):
    """a walk over shelves: mostly a few best sellers, sometimes the neighbour of the product before"""
    popular = rng.zipf(1.5, (STREAMS, length)) % PRODUCTS
    clicks = popular.copy()
    for t in range(1, length):
        follow = rng.random(STREAMS) < 0.55
        clicks[follow, t] = (clicks[follow, t - 1] * 7 + 3) % 60
    return torch.tensor(clicks)


class NextProduct(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Embedding(PRODUCTS, dim)
        self.gru = nn.GRU(dim, 48, batch_first=True)
        self.project = nn.Linear(48, dim)
        self.drop = nn.Dropout(0.35)
        self.loss = nn.AdaptiveLogSoftmaxWithLoss(dim, PRODUCTS, cutoffs=[60, 300], div_value=2.0)

    def forward(self, clicks, following, state=None):
        h, state = self.gru(self.drop(self.embed(clicks)), state)
        h = self.project(self.drop(h)).flatten(0, 1)
        return self.loss(h, following.flatten()), h, state


rng = np.random.default_rng(10)
train_clicks, val_clicks = click_streams(601, rng), click_streams(181, rng)
net = NextProduct()
optimizer = torch.optim.Adagrad(net.parameters(), lr=0.05)


def one_pass(clicks, learn):
    net.train(learn)
    state, losses, hits = None, [], []
    for start in range(0, clicks.size(1) - 1, CHUNK):
        now, following = clicks[:, start:start + CHUNK], clicks[:, start + 1:start + CHUNK + 1]
        now = now[:, :following.size(1)]
        with torch.set_grad_enabled(learn):
            out, h, state = net(now, following, state)
        state = state.detach()
        if learn:
            optimizer.zero_grad()
            out.loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimizer.step()
        else:
            hits.append((net.loss.predict(h) == following.flatten()).float().mean().item())
        losses.append(out.loss.item())
    return np.mean(losses), np.mean(hits) if hits else None


EPOCHS = 9
for epoch in range(1, EPOCHS + 1):
    train_loss, _ = one_pass(train_clicks, True)
    val_loss, hit = one_pass(val_clicks, False)
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} hit rate {hit:.3f} (uniform guess {np.log(PRODUCTS):.2f})")
