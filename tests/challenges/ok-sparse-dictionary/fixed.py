"""Overcomplete sparse autoencoder on 5x5 patches of photographs: 64 features for 25 pixels, an L1 price on their use."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_sample_images


def patches(n, rng):
    photos = [im.mean(2) / 255 for im in load_sample_images().images]
    out = np.empty((n, 25), dtype=np.float32)
    for k in range(n):
        im = photos[k % 2]
        r, c = rng.integers(0, im.shape[0] - 5), rng.integers(0, im.shape[1] - 5)
        out[k] = im[r:r + 5, c:c + 5].ravel()
    out -= out.mean(1, keepdims=True)
    return torch.from_numpy(out / out.std())


class Dictionary(nn.Module):
    def __init__(self, n_in=25, features=64):
        super().__init__()
        self.encode = nn.Linear(n_in, features)
        self.decode = nn.Linear(features, n_in)
        with torch.no_grad():
            self.decode.weight.copy_(F.normalize(torch.randn(n_in, features), dim=0))
            self.encode.weight.copy_(self.decode.weight.T)
            self.encode.bias.zero_()
            self.decode.bias.zero_()

    def forward(self, x):
        code = F.relu(self.encode(x - self.decode.bias))
        return self.decode(code), code

    @torch.no_grad()
    def unit_columns(self):
        self.decode.weight.div_(self.decode.weight.norm(dim=0, keepdim=True))


def run(epochs=12, price=0.02, batch=100):
    torch.manual_seed(21)
    rng = np.random.default_rng(seed=21)
    train, val = patches(6000, rng), patches(1500, rng)
    model = Dictionary()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=epochs)

    def objective(x):
        y, code = model(x)
        return F.mse_loss(y, x), code.abs().sum(1).mean(), (code > 0).float().mean()

    for epoch in range(epochs):
        model.train()
        seen = 0.0
        for i in torch.randperm(len(train)).split(batch):
            error, l1, _ = objective(train[i])
            loss = error + price * l1
            opt.zero_grad()
            loss.backward()
            opt.step()
            model.unit_columns()
            seen += loss.item() * len(i) / len(train)
        sched.step()
        model.eval()
        with torch.no_grad():
            error, l1, active = (v.item() for v in objective(val))
        print(f"epoch {epoch + 1} train loss {seen:.4f} val loss {error + price * l1:.4f} mse {error:.4f} active {active:.3f}")
    print(f"final: val loss {error + price * l1:.4f}, mse {error:.4f}, {100 * active:.0f} % of the features active")


if __name__ == "__main__":
    run()
