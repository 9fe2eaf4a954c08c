"""A small transformer that says which character comes next, and what can go wrong with it.

    python demos/transformer.py                                         # healthy
    python demos/transformer.py --problem attention-collapse            # a trouble
    python demos/transformer.py --problem attention-collapse --fixed    # and its cure

Two blocks of causal attention, 64 wide, on the text of Python's own help; no package is needed for it.
Each line marked FAULT is the whole difference between a problem and its cure.

References:
    the network: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; its manner: Karpathy, https://github.com/karpathy/nanoGPT
    the data: the help texts of the standard library (pydoc_data.topics)
    learning-rate-too-high, warm-up, post-norm and pre-norm: Xiong et al. 2020, https://arxiv.org/abs/2002.04745
    attention-collapse: Dong et al. 2021, "Attention is not all you need", https://arxiv.org/abs/2103.03404
    overfitting: Prechelt 1998, "Early stopping - but when?"; dropout: Srivastava et al. 2014
    memory-growth: https://docs.pytorch.org/docs/stable/notes/faq.html; repeated-evaluation: Google's Tuning Playbook
"""

import argparse
import copy
import math
import time
from pydoc_data.topics import topics

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PROBLEMS = {  # name: (what is wrong, what cures it)
    "learning-rate-too-high": ("the full rate from the first step, in six post-norm blocks", "a warm-up of 60 steps"),
    "attention-collapse": ("eight blocks without a residual connection around the attention", "the residual connection"),
    "overfitting": ("8,000 characters, read twenty times", "early-stopping or dropout"),
    "memory-growth": ("the attention maps of every step are kept to be drawn", "those of the last step"),
    "repeated-evaluation": ("a validation after every fourth step", "one after each epoch"),
}
OVERFITTING_CURES = ("early-stopping", "dropout")  # the first is what a plain --fixed means
WIDTH, HEADS, TIME, BATCH, PATIENCE = 64, 4, 32, 16, 4
EPOCHS = {None: 6, "attention-collapse": 2, "overfitting": 20, "memory-growth": 2, "repeated-evaluation": 1}  # 3 do for the others
TEXT = {None: 170_000, "overfitting": 8_000, "memory-growth": 85_000, "repeated-evaluation": 170_000}  # 40,000


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.project_in, self.project_out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):  # (batch, time, width)
        heads = self.project_in(x).unflatten(-1, (3 * HEADS, -1))  # (batch, time, 3 heads, size)
        query, key, value = heads.transpose(1, 2).chunk(3, dim=1)  # each (batch, heads, time, size)
        scores = query @ key.transpose(-2, -1) / math.sqrt(key.shape[-1])  # (batch, heads, time, time)
        future = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)
        self.map = weights.detach()
        return self.project_out((weights @ value).transpose(1, 2).flatten(2))  # (batch, time, width)


class Block(nn.Module):
    def __init__(self, post_norm, residual, dropout):
        super().__init__()
        self.post_norm, self.residual = post_norm, residual
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH), nn.Dropout(dropout))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):  # (batch, time, width)
        if self.post_norm:
            x = self.norm1(x + self.dropout(self.attention(x)))
            return self.norm2(x + self.mlp(x))
        mixed = self.dropout(self.attention(self.norm1(x)))
        x = x + mixed if self.residual else mixed
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, characters, depth, post_norm=False, residual=True, dropout=0.0):
        super().__init__()
        self.character, self.position = nn.Embedding(characters, WIDTH), nn.Embedding(TIME, WIDTH)
        self.blocks = nn.Sequential(*(Block(post_norm, residual, dropout) for _ in range(depth)))
        self.norm, self.output = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, characters)

    def forward(self, x):  # (batch, time)
        x = self.character(x) + self.position.weight[: x.shape[1]]  # (batch, time, width)
        return self.output(self.norm(self.blocks(x)))  # (batch, time, characters)


def load_data(length):
    """The help topics in random order: windows (count, time) and the same one character later, their texts, the alphabet's size."""
    names = sorted(topics)
    text = "".join(topics[names[i]] for i in torch.randperm(len(names)))[:186_000]
    alphabet = {character: number for number, character in enumerate(sorted(set(text)))}
    text = torch.tensor([alphabet[character] for character in text])
    parts = text[:length], text[170_000:]
    windows = (part.unfold(0, TIME + 1, TIME) for part in parts)  # (count, time + 1)
    return *(TensorDataset(window[:, :-1], window[:, 1:]) for window in windows), *parts, len(alphabet)


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


@torch.no_grad()
def evaluate(model, validation):
    model.eval()
    total = sum(loss_of(model, x, y).item() * len(x) for x, y in validation)
    model.train()
    return total / len(validation.dataset)


def print_baselines(training, validation, size):
    """What the network has to beat: how often each character follows none, one or two others."""
    p, losses = torch.full((1, size), 1 / size), []
    for n in range(3):  # p: (contexts of n characters, next character)
        powers = size ** torch.arange(n, -1, -1)
        seen, asked = ((text.unfold(0, n + 1, 1) * powers).sum(dim=1) for text in (training, validation))
        counts = torch.bincount(seen, minlength=size ** (n + 1)).view(-1, size)
        p = (counts + 3 * p.repeat(size if n else 1, 1)) / (counts.sum(dim=1, keepdim=True) + 3)  # rare: as the shorter
        losses.append(-p.flatten()[asked].log().mean().item())
    print("baselines: characters {:.3f}, pairs {:.3f}, triples {:.3f}".format(*losses))
    return min(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=PROBLEMS, help="show this trouble")
    parser.add_argument("--fixed", nargs="?", const="plain", help="show its cure, or which of several")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="the default depends on the problem")
    parser.add_argument("--list", action="store_true", help="list the problems and stop")
    options = parser.parse_args()
    problem, cure = options.problem, options.fixed
    if options.list:
        print(*(f"{name:<30}{wrong}; fixed: {cured}" for name, (wrong, cured) in PROBLEMS.items()), sep="\n")
        return
    cures = OVERFITTING_CURES if problem == "overfitting" else ("plain",)
    if cure and (not problem or cure not in ("plain", *cures)):
        parser.error(f"expected --problem NAME and its --fixed, plain or one of {', '.join(cures)}")
    cure, fault = cures[0] if cure == "plain" else cure, None if cure else problem
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # quickest for so small a network
    training, validation, text, new, characters = load_data(TEXT.get(problem, 40_000))
    training, validation = DataLoader(training, BATCH, shuffle=True), DataLoader(validation, 64)
    post_norm = problem == "learning-rate-too-high"  # pre-norm needs the warm-up less
    residual = fault != "attention-collapse"  # FAULT: without it all places become alike, with nothing to choose among
    dropout, stopping = 0.4 * (cure == "dropout"), cure == "early-stopping"  # FAULT: overfitting has neither
    depth = {"learning-rate-too-high": 6, "attention-collapse": 8}.get(problem, 2)
    model = Transformer(characters, depth, post_norm, residual, dropout)
    if problem == "learning-rate-too-high":
        for name, weight in model.named_parameters():  # small, and smaller at the end of each branch, as in GPT-2
            if weight.dim() == 2:
                nn.init.normal_(weight, std=0.01 / (12**0.5 if name.endswith(("project_out.weight", "mlp.2.weight")) else 1))
    warm_up = 1 if fault == "learning-rate-too-high" else 60  # FAULT: full steps when Adam knows least
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2 if problem == "learning-rate-too-high" else 5e-3)
    epochs = options.epochs or EPOCHS.get(problem, 3)
    scheduler = torch.optim.lr_scheduler.LambdaLR(  # up in a line, down along half a cosine
        optimizer, lambda step: min(1, (step + 1) / warm_up) * (1 + math.cos(math.pi * step / epochs / len(training))) / 2)
    often = 4 if fault == "repeated-evaluation" else len(training)  # FAULT: the weights hardly change in four steps
    step, best, maps, seconds, started = 0, math.inf, [], [], time.perf_counter()
    for epoch in range(1, epochs + 1):
        total = 0.0
        for x, y in training:
            loss = loss_of(model, x, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
            step += 1
            if problem == "memory-growth":
                maps.append([block.attention.map for block in model.blocks])
                maps = maps if fault else maps[-1:]  # FAULT: all of them stay
            if step % often == 0:
                began = time.perf_counter()
                validation_loss = evaluate(model, validation)
                seconds.append(time.perf_counter() - began)
        print(f"epoch {epoch:2}  train loss {total / len(training):.3f}  validation loss {validation_loss:.3f}")
        if validation_loss < best:
            best, best_epoch = validation_loss, epoch
            best_weights = copy.deepcopy(model.state_dict()) if stopping else None
        elif stopping and epoch - best_epoch >= PATIENCE:
            print(f"no better for {PATIENCE} epochs: back to epoch {best_epoch}")
            model.load_state_dict(best_weights)
            validation_loss = evaluate(model, validation)
            break
    ended = time.perf_counter()
    print(f"\nnetwork: validation loss {validation_loss:.3f} (best {best:.3f})")
    print("the network wins" if validation_loss < print_baselines(text, new, characters) else "a baseline wins")
    if problem == "memory-growth":
        one = sum(part.nbytes for part in maps[-1]) / 2**20
        print(f"attention maps: {one * len(maps):.1f} MB; of every step {one * step:.1f}, of the last {one:.1f}: 1/{step} of it")
    if problem == "repeated-evaluation":
        once, learning = sum(seconds) / len(seconds), ended - started - sum(seconds)
        slow, quick = learning + once * (step // 4), learning + once * epochs
        print(f"seconds: {ended - started:.1f}; validating every 4 steps {slow:.1f}, every epoch {quick:.1f}, {quick / slow:.2f} of it")


if __name__ == "__main__":
    main()
