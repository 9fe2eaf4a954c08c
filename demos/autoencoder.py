"""An autoencoder that compresses handwritten digits, and what can go wrong with it.

    python demos/autoencoder.py                                     # healthy
    python demos/autoencoder.py --problem latent-collapse           # a trouble
    python demos/autoencoder.py --problem latent-collapse --fixed   # and its cure
    python demos/autoencoder.py --data shuttle                      # anomalies among the readings of a space shuttle

A digit of 8 x 8 pixels goes through a code of 8 numbers and comes back; 1,797 real digits, trained with Adam.
Each line marked FAULT is the whole difference between a problem and its cure.

References:
    the network, no-bottleneck, wrong-output-activation: Goodfellow et al. 2016, "Deep Learning", chapter 14 and
        section 6.2.2, https://www.deeplearningbook.org; denoising against no-bottleneck: Vincent et al. 2008
    latent-collapse: Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; Bowman et al. 2016,
        https://arxiv.org/abs/1511.06349
    wasted-epochs: Prechelt 1998, "Early Stopping - But When?"; that a linear one finds the principal components:
        Baldi & Hornik 1989
    the data: https://archive.ics.uci.edu/dataset/80 (digits), https://archive.ics.uci.edu/dataset/148 (shuttle)
"""

import argparse
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

try:
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.metrics import roc_auc_score
except ModuleNotFoundError:
    sys.exit("expected scikit-learn for its digits, found none; run: pip install 'torch-diagnose[demos]'")

PROBLEMS = {  # name: (what is wrong, what cures it)
    "no-bottleneck": ("a code of 128 numbers for 64 pixels", "bottleneck (a code of 8) or denoising"),
    "latent-collapse": ("a variational one whose error is averaged, its divergence summed", "both summed"),
    "wrong-output-activation": ("a sigmoid where the pixels go from -0.8 to 1.8", "no activation on the output"),
    "wasted-epochs": ("150 epochs of a linear one, which is done after 20", "stop when the error hardly falls"),
}
NO_BOTTLENECK_CURES = ("bottleneck", "denoising")  # the first is what a plain --fixed means
DATA = ("digits", "shuttle")
EPOCHS = {"latent-collapse": 40, "wasted-epochs": 150}  # 60 do for the others
CODE, HIDDEN, BATCH, LEARNING_RATE, PATIENCE, NOISE = 8, 128, 32, 2e-3, 10, 0.5


class Autoencoder(nn.Module):
    def __init__(self, inputs=64, code=CODE, last=None, variational=False, linear=False):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU()) if not linear else nn.Identity()
        self.mean = nn.Linear(inputs if linear else HIDDEN, code)
        self.log_variance = nn.Linear(HIDDEN, code) if variational else None
        back = [nn.Linear(code, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, inputs)] if not linear else [nn.Linear(code, inputs)]
        self.decoder = nn.Sequential(*back, *([last] if last else []))

    def forward(self, x):  # (batch, inputs)
        x = self.encoder(x)
        code = self.mean(x)  # (batch, code)
        if self.log_variance is None:
            return self.decoder(code), 0.0
        log_variance = self.log_variance(x)
        divergence = -0.5 * (1 + log_variance - code**2 - log_variance.exp()).sum(dim=1).mean()
        if self.training:
            code = code + (0.5 * log_variance).exp() * torch.randn_like(code)
        return self.decoder(code), divergence


def load_images():
    """Digits (1797, 64) of mean 0 and standard deviation 1 over all pixels."""
    images = torch.tensor(load_digits().data, dtype=torch.float32)[torch.randperm(1797)]
    return (images - images.mean()) / images.std()


def load_shuttle():
    """Readings (49097, 9) of mean 0 and standard deviation 1 each, and whether a row is an anomaly (49097,)."""
    try:
        from river.datasets import Shuttle
    except ModuleNotFoundError:
        sys.exit("expected river for its Shuttle data, found none; run: pip install 'torch-diagnose[demos-all]'")
    table = torch.tensor(np.genfromtxt(Shuttle().path, delimiter=",", skip_header=1), dtype=torch.float32)
    table = table[torch.randperm(len(table))]
    readings = ((table[:, :9] - table[:, :9].mean(dim=0)) / table[:, :9].std(dim=0)).asinh()  # tames the far ones
    return readings / readings.std(dim=0), table[:, 9] > 0


def train_one_epoch(model, loader, optimizer, weight, noise):
    model.train()
    total = 0.0
    for (x,) in loader:
        optimizer.zero_grad()
        x_hat, divergence = model(x + noise * torch.randn_like(x) if noise else x)
        error = F.mse_loss(x_hat, x)
        (weight * error + divergence).backward()
        optimizer.step()
        total += error.item() * len(x)
    return total / len(loader.dataset)


@torch.no_grad()
def error_of(model, x, noise=0.0):
    model.eval()
    return F.mse_loss(model(x + noise * torch.randn_like(x))[0], x).item()


def train(model, training, validation, epochs, weight, noise, early_stopping):
    loader = DataLoader(TensorDataset(training), batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    best, best_epoch = float("inf"), 0
    for epoch in range(1, epochs + 1):
        training_error = train_one_epoch(model, loader, optimizer, weight, noise)
        scheduler.step()
        error = error_of(model, validation)
        print(f"epoch {epoch:3}  train error {training_error:.4f}  validation error {error:.4f}")
        if error < 0.98 * best:
            best, best_epoch = error, epoch
        elif early_stopping and epoch - best_epoch >= PATIENCE:
            print(f"hardly better for {PATIENCE} epochs")
            break


def compare_with_pca(model, training, validation):
    """Errors from noisy and from clean images; 1.0 is what the variance of a pixel would be."""
    noisy = validation + NOISE * torch.randn_like(validation)
    pca = PCA(CODE).fit(training)
    back = [torch.tensor(pca.inverse_transform(pca.transform(x))) for x in (noisy, validation)]
    with torch.no_grad():
        errors = [F.mse_loss(model(x)[0], validation) for x in (noisy, validation)]
    print(f"\nnetwork: error {errors[0]:.3f} from noisy digits, {errors[1]:.3f} from clean ones")
    print(f"baselines: principal components {F.mse_loss(back[0], validation):.3f} from noisy digits,", end=" ")
    print(f"{F.mse_loss(back[1], validation):.3f} from clean ones; the noise itself {NOISE**2:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=PROBLEMS, help="show this trouble")
    parser.add_argument("--fixed", nargs="?", const="plain", help="show its cure; for no-bottleneck, which one")
    parser.add_argument("--data", choices=DATA, default=DATA[0], help="for the healthy network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="the default depends on the problem")
    parser.add_argument("--list", action="store_true", help="list the problems and stop")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:<30}{wrong}; fixed: {cure}" for name, (wrong, cure) in PROBLEMS.items()))
        return
    problem, cure = options.problem, options.fixed
    cures = ("plain", *(NO_BOTTLENECK_CURES if problem == "no-bottleneck" else ())) if problem else ()
    if cure not in (None, *cures):
        parser.error(f"expected --problem NAME, and --fixed{'= one of ' + ', '.join(cures[1:]) if cures[1:] else ''}")
    if problem and options.data != DATA[0]:
        parser.error(f"expected --data {DATA[0]} beside --problem")
    fault = problem if cure is None else None
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # quickest for so small a network
    epochs, weight, code, last = options.epochs or EPOCHS.get(problem, 60), 1, CODE, None
    if problem == "latent-collapse" and cure:
        weight = 64  # FAULT: without it, the error is a mean over 64 pixels beside a sum over the code
    if fault == "no-bottleneck" or cure == "denoising":
        code = HIDDEN  # FAULT: wider than the input, which need only be copied
    if fault == "wrong-output-activation":
        last = nn.Sigmoid()  # FAULT: never below 0, where half of the pixels are
    early_stopping = problem == "wasted-epochs" and cure is not None  # FAULT: without it, all epochs are run
    if options.data == "shuttle":
        readings, odd = load_shuttle()
        normal, later, odd = readings[:8000][~odd[:8000]], readings[8000:], odd[8000:]
        model, training, validation, epochs = Autoencoder(9, 3), normal[2000:], normal[:2000], options.epochs or 15
    else:
        images = load_images()
        model = Autoencoder(64, code, last, problem == "latent-collapse", problem == "wasted-epochs")
        training, validation = images[600:], images[:600]
    began = time.process_time()
    train(model, training, validation, epochs, weight, NOISE if cure == "denoising" else 0.0, early_stopping)
    seconds = time.process_time() - began
    if options.data == "shuttle":
        with torch.no_grad():
            error = (model(later)[0] - later).square().mean(dim=1)
        print(f"\nnetwork: AUROC {roc_auc_score(odd, error):.4f} for anomalies by their error")
        print(f"baselines: by their mean squared z-score {roc_auc_score(odd, later.square().mean(dim=1)):.4f}")
    else:
        compare_with_pca(model, training, validation)
    print(f"cost: {seconds:.1f} s of CPU\n" if problem == "wasted-epochs" else "", end="")


if __name__ == "__main__":
    main()
