"""A generator and a discriminator that learn from each other to draw handwritten digits, and what can go wrong.

    python demos/gan.py                                   # healthy; draws gan.png
    python demos/gan.py --problem mode-collapse           # a trouble
    python demos/gan.py --problem mode-collapse --fixed   # and its cure

Two networks of linear layers, on 1,797 real digits of 8 x 8 pixels, each trained with an Adam of its own.
Each line marked FAULT is the whole difference between a problem and its cure.

References:
    the networks: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661; Radford et al. 2016, "Unsupervised
        representation learning with deep convolutional GANs", https://arxiv.org/abs/1511.06434
    mode-collapse: Metz et al. 2017, "Unrolled GANs", https://arxiv.org/abs/1611.02163; Salimans et al. 2016,
        section 3.2, https://arxiv.org/abs/1606.03498
    discriminator-dominates: Arjovsky & Bottou 2017, https://arxiv.org/abs/1701.04862
    how samples are judged: Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests",
        https://arxiv.org/abs/1610.06545
    the data: Alpaydin & Kaynak 1998, https://archive.ics.uci.edu/dataset/80
"""

import argparse
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

try:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestNeighbors
except ModuleNotFoundError:
    sys.exit("expected scikit-learn for its digits, found none; run: pip install 'torch-diagnose[demos]'")

PROBLEMS = {  # name: (what is wrong, what cures it)
    "mode-collapse": ("ten steps of the generator for each of the discriminator", "one step each"),
    "discriminator-dominates": ("three steps of the discriminator for each of a slow generator", "one step each, as fast"),
}
EPOCHS = {"mode-collapse": 5, "discriminator-dominates": 30}  # 60 do for the healthy one
NOISE, WIDTH, BATCH, RATE, DISCRIMINATOR_RATE, DROPOUT = 16, 128, 64, 1e-3, 2e-3, 0.1


def generator(norm):
    return nn.Sequential(
        nn.Linear(NOISE, WIDTH), norm(WIDTH), nn.ReLU(),
        nn.Linear(WIDTH, WIDTH), norm(WIDTH), nn.ReLU(),
        nn.Linear(WIDTH, 64), nn.Tanh(),  # (batch, 64), from -1 to 1
    )  # fmt: skip


def discriminator():
    return nn.Sequential(
        nn.Linear(64, WIDTH), nn.LeakyReLU(0.2), nn.Dropout(DROPOUT),
        nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2), nn.Dropout(DROPOUT),
        nn.Linear(WIDTH, 1),  # (batch, 1), the logit of being real
    )  # fmt: skip


def discriminator_step(G, D, optimizer, real):
    optimizer.zero_grad()
    fake = G(torch.randn(len(real), NOISE)).detach()
    judged_real, judged_fake = D(real), D(fake)  # (batch, 1)
    loss = F.binary_cross_entropy_with_logits(judged_real, torch.ones_like(judged_real))
    loss = loss + F.binary_cross_entropy_with_logits(judged_fake, torch.zeros_like(judged_fake))
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(G, D, optimizer, batch):
    optimizer.zero_grad()
    judged = D(G(torch.randn(batch, NOISE)))
    loss = F.binary_cross_entropy_with_logits(judged, torch.ones_like(judged))  # the one that does not saturate
    loss.backward()
    optimizer.step()
    return loss.item()


def train(G, D, images, epochs, rate, generator_steps, discriminator_steps):
    loader = DataLoader(TensorDataset(images), batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer_G = torch.optim.Adam(G.parameters(), lr=rate, betas=(0.5, 0.99))
    optimizer_D = torch.optim.Adam(D.parameters(), lr=DISCRIMINATOR_RATE, betas=(0.5, 0.99))
    for epoch in range(1, epochs + 1):
        losses_D, losses_G = [], []
        for (real,) in loader:
            losses_D += [discriminator_step(G, D, optimizer_D, real) for _ in range(discriminator_steps)]
            losses_G += [generator_step(G, D, optimizer_G, len(real)) for _ in range(generator_steps)]
        print(f"epoch {epoch:2}  discriminator loss {np.mean(losses_D):.3f}  generator loss {np.mean(losses_G):.3f}")


def told_apart(real, made):
    """How often the nearest neighbour of an image, real or made, is of its own kind: 0.5 cannot be told apart, 1 can."""
    images = np.concatenate([real, made])
    kind = np.arange(len(images)) < len(real)
    nearest = NearestNeighbors(n_neighbors=2).fit(images).kneighbors(images, return_distance=False)[:, 1]
    return (kind[nearest] == kind).mean()


def digits_drawn(reader, made):
    """How many of the ten digits a linear reader sees at least once in a hundred images."""
    return (np.bincount(reader.predict(made), minlength=10) >= 0.01 * len(made)).sum()


def save(images, name):
    """A picture of 8 x 16 images, four times their size."""
    tiles = images[:128].reshape(8, 16, 8, 8).transpose(0, 2, 1, 3).reshape(64, 128)
    Image.fromarray((255 * (tiles + 1) / 2).round().astype(np.uint8)).resize((512, 256), Image.NEAREST).save(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=PROBLEMS, help="show this trouble")
    parser.add_argument("--fixed", nargs="?", const="plain", help="show its cure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="the default depends on the problem")
    parser.add_argument("--list", action="store_true", help="list the problems and stop")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:<30}{wrong}; fixed: {cure}" for name, (wrong, cure) in PROBLEMS.items()))
        return
    if options.fixed not in (None, "plain") or (options.fixed and not options.problem):
        parser.error("expected --problem NAME, and a plain --fixed")
    fault = options.problem if not options.fixed else None
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # quickest for so small a network
    digits = load_digits()
    images = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1  # (1797, 64), from -1 to 1
    G, D = generator(nn.Identity if options.problem else nn.BatchNorm1d), discriminator()  # the norm hides troubles
    rate, generator_steps, discriminator_steps = RATE, 1, 1
    if fault == "mode-collapse":
        generator_steps = 10  # FAULT: all samples run to where the discriminator, standing still, is fooled best
    if fault == "discriminator-dominates":
        rate, discriminator_steps = 1e-4, 3  # FAULT: it is certain long before the generator has moved
    epochs = options.epochs or EPOCHS.get(options.problem, 60)
    if options.problem == "mode-collapse" and options.fixed:
        epochs *= 8  # each of its epochs is that much quicker
    train(G, D, images, epochs, rate, generator_steps, discriminator_steps)
    with torch.no_grad():
        made = G.eval()(torch.randn(len(images), NOISE)).numpy()
    save(made, "gan.png")
    real, spread = images.numpy(), np.sqrt(made.var(axis=0).mean() / images.numpy().var(axis=0).mean())
    reader = LogisticRegression(max_iter=1000).fit(real, digits.target)
    normal = np.random.default_rng(options.seed).multivariate_normal(real.mean(axis=0), np.cov(real.T), len(real))
    normal = normal.clip(-1, 1)
    print(f"\nnetwork: digits drawn {digits_drawn(reader, made)} of 10, as spread as real ones {spread:.2f}, ", end="")
    print(f"told from real ones {told_apart(real, made):.3f} (0.5 is best); drawn in gan.png")
    print(f"baselines: a normal distribution draws {digits_drawn(reader, normal)} of 10 digits, ", end="")
    print(f"told from real ones {told_apart(real, normal):.3f}; real ones themselves 0.500")


if __name__ == "__main__":
    main()
