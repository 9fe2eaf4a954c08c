"""A recurrent network that says what comes next, and what can go wrong with it.

    python demos/recurrent.py                                            # healthy, on the text of Python's own help
    python demos/recurrent.py --data sunspots                            # the same on a series: sunspots or co2
    python demos/recurrent.py --problem exploding-through-time           # a trouble
    python demos/recurrent.py --problem exploding-through-time --fixed   # and its cure

One plain recurrent layer reads parallel streams in chunks; its state is carried from chunk to chunk, its gradient is not.
Each line marked FAULT is the whole difference between a problem and its cure.

References:
    the network: Elman 1990; the chunks (truncated backpropagation through time): Williams & Peng 1990; next characters:
        Karpathy 2015, https://karpathy.github.io/2015/05/21/rnn-effectiveness
    the data: the help texts of the standard library (pydoc_data.topics); sunspots, yearly since 1700, and co2, weekly at
        Mauna Loa 1958 to 2001, both from statsmodels
    short-memory: Bengio et al. 1994, https://doi.org/10.1109/72.279181
    exploding-through-time, and clipping: Pascanu et al. 2013, https://arxiv.org/abs/1211.5063; ReLU with recurrent weights
        that start as the identity: Le et al. 2015, https://arxiv.org/abs/1504.00941
    accumulated-graph: https://docs.pytorch.org/docs/stable/notes/faq.html
"""

import argparse
import sys
from pydoc_data.topics import topics

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PROBLEMS = {  # name: (what is wrong, what cures it)
    "short-memory": ("padding after the text, which the state has to outlast", "padding before the text"),
    "exploding-through-time": ("nothing bounds the gradient of 64 steps", "clipping its norm"),
    "accumulated-graph": ("validation losses kept with their graphs", "torch.no_grad() around the validation"),
}
DATA = ("text", "sunspots", "co2")  # the troubles are shown on text

CLIP, CHUNK, CONTEXT, PADDED = 1.0, 32, 16, 48  # a context of 16 characters is padded to 48 places
EPOCHS = {"text": 8, "sunspots": 30, "co2": 30, "short-memory": 4, "exploding-through-time": 4, "accumulated-graph": 3}


class Recurrent(nn.Module):
    def __init__(self, characters, width, activation="tanh"):
        super().__init__()
        self.read = nn.Embedding(characters, 32) if characters else nn.Identity()
        self.rnn = nn.RNN(32 if characters else 1, width, nonlinearity=activation, batch_first=True)
        self.output = nn.Linear(width, characters or 1)

    def forward(self, x, state=None):  # (batch, time) of characters or (batch, time, 1) of numbers; (1, batch, width)
        hidden, state = self.rnn(self.read(x), state)  # (batch, time, width), (1, batch, width)
        return self.output(hidden), state  # (batch, time, characters or 1)


def load_text():
    """The help topics in random order as character numbers (time,): training, validation, and the size of the alphabet."""
    names = sorted(topics)
    text = "".join(topics[names[i]] for i in torch.randperm(len(names)))[:200_000]
    alphabet = {character: number for number, character in enumerate(sorted(set(text)), start=1)}  # 0 is padding
    text = torch.tensor([alphabet[character] for character in text])
    return text[:170_000], text[170_000:], len(alphabet) + 1


def load_series(name, length):
    """Windows (count, length, 1) of a series' changes, and what follows each (count, 1, 1): training, validation."""
    try:
        from statsmodels import datasets
    except ModuleNotFoundError:
        sys.exit("expected statsmodels for its series, found none; run: pip install 'torch-diagnose[demos-all]'")
    series = getattr(datasets, name).load_pandas().data.interpolate()  # a few weeks of co2 are missing
    change = torch.tensor(series.iloc[:, -1].to_numpy(), dtype=torch.float32).diff()[1:]  # (time,)
    cut = int(0.8 * len(change))
    change = (change - change[:cut].mean()) / change[:cut].std()
    parts = (part.unfold(0, length + 1, 1)[..., None] for part in (change[:cut], change[cut:]))
    return [TensorDataset(part[:, :-1], part[:, -1:]) for part in parts]


def streams(text, chunk):
    """Batches (x, y) that read the text in order, as 16 parallel rows: y is x one time later."""
    length = (len(text) - 1) // 16
    x, y = (text[start : start + 16 * length].view(16, length) for start in (0, 1))
    return list(zip(x.split(chunk, dim=1), y.split(chunk, dim=1), strict=True))


def contexts(text, count, padding_last):
    """Padded contexts (count, padded) from anywhere in the text, and the character that follows each (count, 1)."""
    start = torch.randint(len(text) - CONTEXT, (count,))
    read = text[start[:, None] + torch.arange(CONTEXT)]  # (count, context)
    padding = 0, PADDED - CONTEXT  # before and after
    return TensorDataset(F.pad(read, padding if padding_last else padding[::-1]), text[start + CONTEXT, None])


def loss_of(scores, y):
    scores = scores[:, -y.shape[1] :]  # of as many places as there are answers
    return F.cross_entropy(scores.flatten(0, 1), y.flatten()) if y.dtype == torch.long else F.mse_loss(scores, y)


def train_one_epoch(model, batches, carry, optimizer, clip):
    model.train()
    total, state = 0.0, None
    for x, y in batches:
        scores, state = model(x, state.detach() if carry and state is not None else None)
        loss = loss_of(scores, y)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        total += loss.item()
    return total / len(batches)


def evaluate(model, batches, carry, keep_graph=False):
    model.eval()
    total, state = 0.0, None
    with torch.set_grad_enabled(keep_graph):
        for x, y in batches:
            scores, state = model(x, state if carry else None)
            total = total + loss_of(scores, y)
    return total / len(batches)


def text_baselines(training, validation, size):
    """How often each character follows none, one or two others: {name: validation loss}."""
    p, losses = torch.full((1, size), 1 / size), {}
    for n, name in enumerate(("characters", "pairs", "triples")):  # p: (contexts of n characters, next character)
        powers = size ** torch.arange(n, -1, -1)
        seen, asked = ((text.unfold(0, n + 1, 1) * powers).sum(dim=1) for text in (training, validation))
        counts = torch.bincount(seen, minlength=size ** (n + 1)).view(-1, size)
        p = (counts + 3 * p.repeat(size if n else 1, 1)) / (counts.sum(dim=1, keepdim=True) + 3)  # rare: as the shorter
        losses[name] = -p.flatten()[asked].log().mean().item()
    return losses


def series_baselines(training, validation):
    """No change, and a straight line through the same past: {name: validation loss}."""
    (x, y), (x_new, y_new) = training.tensors, validation.tensors
    x, x_new = (torch.cat([part[..., 0], torch.ones(len(part), 1)], dim=1) for part in (x, x_new))  # (count, length + 1)
    line = x_new @ torch.linalg.lstsq(x, y[:, 0]).solution
    return {"no change": y_new.square().mean().item(), "linear regression": F.mse_loss(line, y_new[:, 0]).item()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=PROBLEMS, help="show this trouble")
    parser.add_argument("--fixed", nargs="?", const="plain", help="show its cure")
    parser.add_argument("--data", choices=DATA, default="text", help="what the healthy network reads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="the default depends on the problem")
    parser.add_argument("--list", action="store_true", help="list the problems and stop")
    options = parser.parse_args()
    problem = options.problem
    if options.list:
        print(*(f"{name:<30}{wrong}; fixed: {cure}" for name, (wrong, cure) in PROBLEMS.items()), sep="\n")
        return
    if options.fixed and (not problem or options.fixed != "plain"):
        parser.error("expected --problem NAME and a plain --fixed, which cures it")
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # quickest for so small a network
    fault, exploding, carry = None if options.fixed else problem, problem == "exploding-through-time", False
    if options.data != "text":
        length, size = (16, 16) if options.data == "sunspots" else (52, 64)
        data = load_series(options.data, length)
        training, validation = DataLoader(data[0], size, shuffle=True), DataLoader(data[1], 256)
        model, baselines = Recurrent(0, 16), series_baselines(*data)
    else:
        text, new, characters = load_text()
        model, baselines = Recurrent(characters, 128, "relu" if exploding else "tanh"), text_baselines(text, new, characters)
        if problem == "short-memory":
            last = fault == "short-memory"  # FAULT: the padding comes last, and the state has to outlast it
            training = DataLoader(contexts(text, 9600, last), 64, shuffle=True)
            validation = DataLoader(contexts(new, 3200, last), 256)
        else:
            carry = not exploding
            training, validation = (streams(part, CHUNK if carry else 2 * CHUNK) for part in (text, new))
    if problem != "short-memory":
        (nn.init.eye_ if exploding else nn.init.orthogonal_)(model.rnn.weight_hh_l0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3 if options.data != "text" else 2e-3, weight_decay=0.1)
    if exploding:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    clip = fault != "exploding-through-time"  # FAULT: one long gradient throws the weights away
    keep = fault == "accumulated-graph"  # FAULT: each loss holds the activations of the whole validation text
    epochs = options.epochs or EPOCHS[problem or options.data]
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    losses = []
    for epoch in range(1, epochs + 1):
        training_loss = train_one_epoch(model, training, carry, optimizer, clip)
        scheduler.step()
        losses.append(evaluate(model, validation, carry, keep))
        print(f"epoch {epoch:2}  train loss {training_loss:.3f}  validation loss {losses[-1].item():.3f}")
    print(f"\nnetwork: validation loss {losses[-1].item():.3f} (best {min(losses).item():.3f})")
    print("baselines:", ", ".join(f"{name} {loss:.3f}" for name, loss in baselines.items()))
    print("the network wins" if losses[-1].item() < min(baselines.values()) else "a baseline wins")
    if problem == "accumulated-graph":
        import resource  # Unix alone has it
        print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at its peak")  # as Linux counts


if __name__ == "__main__":
    main()
