"""A feed-forward network that reads handwritten digits, and what can go wrong with it.

    python demos/feedforward.py                                         # healthy; or --data breast-cancer
    python demos/feedforward.py --problem vanishing-gradients           # a trouble
    python demos/feedforward.py --problem vanishing-gradients --fixed   # and its cure

Six hidden layers of 64 units on 1,797 real digits of 8 x 8 pixels, or 30 measurements of 569 tumours, trained with Adam.
Each line marked FAULT is the whole difference between a problem and its cure.

References:
    the data: Alpaydin & Kaynak 1998, https://archive.ics.uci.edu/dataset/80; Street et al. 1993, .../dataset/17
    Adam: Kingma & Ba 2015, https://arxiv.org/abs/1412.6980
    vanishing-gradients, saturated-activations: Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
    exploding-gradients, and their cure: He et al. 2015, https://arxiv.org/abs/1502.01852
    dead-units: Lu et al. 2019, "Dying ReLU and initialization", https://arxiv.org/abs/1903.06733
    overfitting: Zhang et al. 2017, wrong labels learnt by heart, https://arxiv.org/abs/1611.03530; weight decay: Krogh & Hertz
        1991; dropout: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html; early stopping: Prechelt 1998
    unnormalized-inputs: LeCun et al. 1998, "Efficient BackProp", section 4.3
    symmetric-initialization: Goodfellow et al. 2016, "Deep Learning", section 8.4
    softmax-before-cross-entropy: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

import argparse
import copy
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

try:
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.linear_model import LogisticRegression
except ModuleNotFoundError:
    sys.exit("expected scikit-learn for its digits, found none; run: pip install 'torch-diagnose[demos]'")

PROBLEMS = {  # name: (what is wrong, what cures it)
    "vanishing-gradients": ("a sigmoid after each of six layers", "ReLU and He's initialisation"),
    "exploding-gradients": ("weights drawn with a standard deviation of 1", "He's initialisation"),
    "dead-units": ("biases that start at -1 silence the ReLUs", "biases that start at 0"),
    "saturated-activations": ("tanh fed by weights with a standard deviation of 1", "Glorot's initialisation"),
    "symmetric-initialization": ("every weight of a layer the same", "random weights"),
    "softmax-before-cross-entropy": ("a softmax where the loss expects logits", "logits"),
    "unnormalized-inputs": ("grey levels from 0 to 255", "inputs of mean 0 and standard deviation 1"),
    "overfitting": ("600 images, two in five mislabelled, nothing to hold back", "weight-decay, dropout or early-stopping"),
}
OVERFITTING_CURES = ("weight-decay", "dropout", "early-stopping")  # the first is what a plain --fixed means
DATA = ("digits", "breast-cancer")  # the troubles are shown on digits
WIDTH, DEPTH, BATCH, LEARNING_RATE, WEIGHT_DECAY, DROPOUT, PATIENCE = 64, 6, 32, 1e-3, 1.5e-2, 0.15, 5
EPOCHS = {"overfitting": 60, "saturated-activations": 40, "breast-cancer": 6}  # 20 do for the others


class FeedForward(nn.Module):
    def __init__(self, inputs, classes, activation=nn.ReLU, dropout=0.0, softmax=False):
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(inputs if i == 0 else WIDTH, WIDTH) for i in range(DEPTH)])
        self.activations = nn.ModuleList([activation() for _ in range(DEPTH)])
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(WIDTH, classes)
        self.last = nn.Softmax(dim=1) if softmax else nn.Identity()

    def forward(self, images):  # (batch, 8, 8) or (batch, 30)
        x = images.flatten(1)  # (batch, inputs)
        for layer, activation in zip(self.hidden, self.activations, strict=True):
            x = self.dropout(activation(layer(x)))  # (batch, width)
        return self.last(self.output(x))  # (batch, classes), logits


def load_data(tumours, fault, few_and_noisy):
    """Two data sets, training and validation, of images (8, 8) and labels 0 to 9, or measurements (30,) and labels 0 and 1."""
    data = load_breast_cancer() if tumours else load_digits()
    labels = torch.tensor(data.target)  # (1797,) or (569,)
    if tumours:
        images, cut, dims = torch.tensor(data.data, dtype=torch.float32), 400, 0  # (569, 30)
    else:  # (1797, 8, 8), grey levels 0 to 255, which share their mean
        images, cut, dims = torch.tensor(data.images, dtype=torch.float32) * (255 / 16), 1200, (0, 1, 2)
    order = torch.randperm(len(images))
    training, validation = order[:cut], order[cut:]
    if few_and_noisy:
        training = training[:600]
        wrong = training[torch.rand(600) < 0.4]
        labels[wrong] = (labels[wrong] + torch.randint(1, 10, wrong.shape)) % 10
    if fault != "unnormalized-inputs":  # FAULT: the grey levels go in as they are
        images = (images - images[training].mean(dims)) / images[training].std(dims)
    return (TensorDataset(images[part], labels[part]) for part in (training, validation))


def build(inputs, classes, problem, fault, cure):
    """The network, with its initial weights."""
    activation = nn.ReLU
    if fault == "vanishing-gradients":
        activation = nn.Sigmoid  # FAULT: its slope is at most 1/4, and six of them multiply
    if problem in ("saturated-activations", "unnormalized-inputs"):  # tanh shows both best
        activation = nn.Tanh
    softmax = fault == "softmax-before-cross-entropy"  # FAULT: cross entropy takes the softmax itself
    model = FeedForward(inputs, classes, activation, DROPOUT if cure == "dropout" else 0.0, softmax)
    for layer in model.hidden:
        nn.init.zeros_(layer.bias)
        init = nn.init.kaiming_normal_ if activation is nn.ReLU else nn.init.xavier_normal_  # He's or Glorot's
        init(layer.weight)
        if fault == "exploding-gradients":
            nn.init.normal_(layer.weight)  # FAULT: each layer makes signal and gradient about six times larger
        if fault == "dead-units":
            nn.init.constant_(layer.bias, -1.0)  # FAULT: the ReLUs are negative whatever comes in, and have no gradient
        if fault == "saturated-activations":
            nn.init.normal_(layer.weight)  # FAULT: tanh answers -1 or 1 to everything, where its slope is 0
        if fault == "symmetric-initialization":
            nn.init.constant_(layer.weight, 0.05)  # FAULT: equal units get equal gradients, and stay one unit
    return model


def train_one_epoch(model, loader, optimizer):
    model.train()
    total = 0.0
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, right = 0.0, 0
    for images, labels in loader:
        scores = model(images)  # (batch, classes)
        total += F.cross_entropy(scores, labels).item() * len(images)
        right += (scores.argmax(dim=1) == labels).sum().item()
    return total / len(loader.dataset), right / len(loader.dataset)


def train(model, training, validation, epochs, weight_decay, early_stopping):
    training = DataLoader(training, batch_size=BATCH, shuffle=True)
    validation = DataLoader(validation, batch_size=256)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, weight_decay=weight_decay)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    best, best_epoch, best_weights = float("inf"), 0, None
    for epoch in range(1, epochs + 1):
        training_loss = train_one_epoch(model, training, optimizer)
        scheduler.step()
        loss, accuracy = evaluate(model, validation)
        print(f"epoch {epoch:2}  train loss {training_loss:.3f}  validation loss {loss:.3f}  accuracy {accuracy:.3f}")
        if loss < best:
            best, best_epoch = loss, epoch
            best_weights = copy.deepcopy(model.state_dict()) if early_stopping else None
        elif early_stopping and epoch - best_epoch >= PATIENCE:
            print(f"no better for {PATIENCE} epochs: back to epoch {best_epoch}")
            model.load_state_dict(best_weights)
            loss, accuracy = evaluate(model, validation)
            break
    print(f"\nnetwork: validation loss {loss:.3f} (best {best:.3f}, epoch {best_epoch}), accuracy {accuracy:.3f}")


def print_baselines(training, validation):
    """What the network has to beat: the commonest label, and a linear model on the same inputs."""
    (x, y), (x_new, y_new) = training.tensors, validation.tensors
    scale = x.abs().max()
    linear = LogisticRegression(max_iter=5000).fit(x.flatten(1) / scale, y)
    print(f"baselines: commonest label {(y_new == y.mode().values).float().mean():.3f},", end=" ")
    print(f"logistic regression {linear.score(x_new.flatten(1) / scale, y_new):.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=PROBLEMS, help="show this trouble")
    parser.add_argument("--fixed", nargs="?", const="plain", help="show its cure; for overfitting, which one")
    parser.add_argument("--data", choices=DATA, default="digits", help="what the healthy network reads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="the default depends on the problem")
    parser.add_argument("--list", action="store_true", help="list the problems and stop")
    options = parser.parse_args()
    if options.list:
        print(*(f"{name:<30}{wrong}; fixed: {cure}" for name, (wrong, cure) in PROBLEMS.items()), sep="\n")
        return
    problem, cure, overfitting = options.problem, options.fixed, options.problem == "overfitting"
    cures = OVERFITTING_CURES if overfitting else ("plain",)
    if cure and (not problem or cure not in ("plain", *cures)):
        parser.error(f"expected --problem NAME and its --fixed, plain or one of {', '.join(cures)}")
    cure = OVERFITTING_CURES[0] if overfitting and cure == "plain" else cure
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # quickest for so small a network
    fault = problem if cure is None else None
    tumours = options.data == "breast-cancer" and not problem
    training, validation = load_data(tumours, fault, few_and_noisy=overfitting)
    model = build(*((30, 2) if tumours else (64, 10)), problem, fault, cure)
    regularized = not overfitting or cure == "weight-decay"  # FAULT: overfitting has no weight decay, nor dropout
    train(model, training, validation, options.epochs or EPOCHS.get(problem or options.data, 20),
          weight_decay=WEIGHT_DECAY if regularized else 0.0, early_stopping=cure == "early-stopping")
    print_baselines(training, validation)


if __name__ == "__main__":
    main()
