"""Networks with gates that remember, and what can go wrong with them.

    python demos/lstm.py                                         # healthy: "Donnerstag, 26. November 2026" to 2026-11-26
    python demos/lstm.py --data text                             # others: sunspots, co2
    python demos/lstm.py --problem short-memory                  # a trouble; with --fixed, its cure

One LSTM reads a date as people of six languages write it, another writes it anew, and attention tells it where to look.
Each line marked FAULT is the whole difference between a problem and its cure.

References:
    Hochreiter & Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735; attention: Luong et al. 2015,
        https://arxiv.org/abs/1508.04025
    the data: dates in Babel's formats; the help texts of the standard library (pydoc_data.topics); sunspots, yearly since
        1700, and co2, weekly 1958 to 2001, from statsmodels; the S&P 500, daily 1999 to 2018, from arch
    short-memory: Bengio et al. 1994, https://doi.org/10.1109/72.279181; a forget gate that starts open: Gers et al. 2000,
        https://doi.org/10.1162/089976600300015015; Jozefowicz et al. 2015, https://proceedings.mlr.press/v37/jozefowicz15
    loss-not-decreasing, prices and the size of their changes: Fama 1970, https://doi.org/10.2307/2325486; Mandelbrot 1963
    dropout: Zaremba et al. 2014, https://arxiv.org/abs/1409.2329; learning rates: Goodfellow et al. 2016, section 11.4.1
"""

import argparse
import datetime
import re
import sys
from pydoc_data.topics import topics

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PROBLEMS = {  # name: (what is wrong, what cures it)
    "short-memory": ("no gates: the month has to outlast the padding after a date", "gates or forget-gate-bias"),
    "overfitting": ("8,000 characters, read forty times", "dropout or more-text"),
    "loss-not-decreasing": ("the next change of the S&P 500, which its past does not tell", "the size of the change, which it does"),
    "learning-rate-too-high": ("steps fifty times too long", "a learning rate of 0.02"),
}
SHORT_MEMORY_CURES = ("gates", "forget-gate-bias")  # the first is what a plain --fixed means
OVERFITTING_CURES = ("dropout", "more-text")
DATA = ("dates", "text", "sunspots", "co2")  # the troubles are shown on dates, text and the S&P 500
EPOCHS = {"sunspots": 30, "co2": 30, "dropout": 40, "overfitting": 40, "learning-rate-too-high": 2}  # 4 do for the others
LANGUAGES, PADDED, TIME = ("en_US", "de_DE", "fr_FR", "es_ES", "pl_PL", "tr_TR"), 40, 48


class Translator(nn.Module):
    def __init__(self, characters, width):
        super().__init__()
        self.read, self.reread = nn.Embedding(characters, 32, padding_idx=0), nn.Embedding(12, 16)
        self.encoder, self.decoder = nn.LSTM(32, width, batch_first=True), nn.LSTM(16, width, batch_first=True)
        self.output = nn.Linear(2 * width, 12)

    def forward(self, date, written):  # (batch, 40) and (batch, 10): what was written before each place
        seen, state = self.encoder(self.read(date))  # (batch, 40, width)
        hidden, _ = self.decoder(self.reread(written), state)  # (batch, 10, width)
        attention = (hidden @ seen.transpose(1, 2)).softmax(dim=-1)  # (batch, 10, 40)
        return self.output(torch.cat([hidden, attention @ seen], dim=-1))  # (batch, 10, 12)


class Reader(nn.Module):
    def __init__(self, characters, width, answers, cell=nn.LSTM, dropout=0.0):
        super().__init__()
        self.read = nn.Embedding(characters, 32, padding_idx=0) if characters else nn.Identity()
        self.rnn = cell(32 if characters else 1, width, batch_first=True)
        self.output, self.dropout = nn.Linear(width, answers), nn.Dropout(dropout)

    def forward(self, x):  # (batch, time) of characters or (batch, time, 1) of numbers
        hidden, _ = self.rnn(self.dropout(self.read(x)))  # (batch, time, width)
        return self.output(self.dropout(hidden))  # (batch, time, answers)


def load_dates(months):
    """Dates (count, 40) and their ISO form before and at each place (count, 10), or the month (count, 1); baselines' exact matches."""
    from babel.dates import format_date
    days = [datetime.date(1950, 1, 1) + datetime.timedelta(day) for day in torch.randint(36_525, (9000,)).tolist()]
    how = zip(days, torch.randint(2 if months else 3, (9000,)).tolist(), torch.randint(6, (9000,)).tolist(), strict=True)
    texts = [format_date(day, ("full", "long", "medium")[form], LANGUAGES[language]) for day, form, language in how]
    alphabet = {character: number for number, character in enumerate(sorted(set("".join(texts))), start=1)}
    x = torch.tensor([[alphabet.get(c, 0) for c in text.ljust(PADDED, "_")] for text in texts])  # 0 is padding
    if months:
        y = torch.tensor([[day.month - 1] for day in days])
        parts, baselines = (x, y), {"commonest month": (y[8000:] == y[:8000].mode(dim=0).values).float().mean().item()}
    else:
        y = torch.tensor([["0123456789-".index(character) for character in day.isoformat()] for day in days])
        parts = x, F.pad(y, (1, -1), value=11), y
        digits = [[int(n) for n in re.findall(r"\d+", text)] for text in texts[8000:]]  # day, perhaps month, year
        right = [[*n[:-1], 1, n[-1]][:2] == [d.day, d.month] and n[-1] == d.year for n, d in zip(digits, days[8000:], strict=True)]
        baselines = {"the digits alone": sum(right) / 1000}
    return *(TensorDataset(*(p[s] for p in parts)) for s in (slice(8000), slice(8000, None))), len(alphabet) + 1, baselines


def load_text(length):
    """Windows (count, time) of the help topics in random order, and the same one character later; losses of baselines."""
    text = "".join(topics[sorted(topics)[i]] for i in torch.randperm(len(topics)))[:136_000]
    alphabet = {character: number for number, character in enumerate(sorted(set(text)), start=1)}
    text = torch.tensor([alphabet[character] for character in text])
    parts, size = (text[:length], text[120_000:]), len(alphabet) + 1
    p, baselines = torch.full((1, size), 1 / size), {}
    for n, name in enumerate(("characters", "pairs", "triples")):  # how often each follows none, one or two others
        powers = size ** torch.arange(n, -1, -1)
        seen, asked = ((part.unfold(0, n + 1, 1) * powers).sum(dim=1) for part in parts)
        counts = torch.bincount(seen, minlength=size ** (n + 1)).view(-1, size)  # (contexts of n, next character)
        p = (counts + 3 * p.repeat(size if n else 1, 1)) / (counts.sum(dim=1, keepdim=True) + 3)  # rare: as the shorter
        baselines[name] = -p.flatten()[asked].log().mean().item()
    windows = (part.unfold(0, TIME + 1, TIME) for part in parts)  # (count, time + 1)
    return *(TensorDataset(window[:, :-1], window[:, 1:]) for window in windows), size, baselines


def load_series(name):
    """Windows (count, length, 1) of a series' changes, and what follows each (count, 1, 1); losses of baselines."""
    from arch.data import sp500
    from statsmodels import datasets
    table = sp500.load()["Adj Close"] if "sp500" in name else getattr(datasets, name).load_pandas().data.iloc[:, -1]
    series = torch.tensor(table.interpolate().to_numpy())  # (time,); a few weeks of co2 are missing
    change = (series.log() if "sp500" in name else series).diff()[1:]
    change = change.abs() if name == "sp500-size" else change
    cut, length = int(0.8 * len(change)), {"sunspots": 16, "co2": 52}.get(name, 20)
    change = (change / change[:cut].std()).float()
    windows = [part.unfold(0, length + 1, 1) for part in (change[:cut], change[cut:])]  # (count, length + 1)
    past, new = (F.pad(window[:, :-1], (0, 1), value=1.0) for window in windows)
    line, mean = new @ torch.linalg.lstsq(past, windows[0][:, -1:]).solution, change[:cut].mean()
    guesses = {"persistence": windows[1][:, -2:-1] if name == "sp500-size" else 0, "mean change": mean, "linear regression": line}
    baselines = {of: (windows[1][:, -1:] - guess).square().mean().item() for of, guess in guesses.items()}
    return *(TensorDataset(window[:, :-1, None], window[:, -1:, None]) for window in windows), 0, baselines


def loss_of(scores, y):  # (batch, answered places, answers) and (batch, answered places) or (batch, 1, 1)
    return F.cross_entropy(scores.flatten(0, 1), y.flatten()) if y.dtype == torch.long else F.mse_loss(scores, y)


@torch.no_grad()
def evaluate(model, loader):
    """The loss, and the share of exact matches: where all places are right after the right ones, so is what it writes alone."""
    model.eval()
    total = right = 0.0
    for *inputs, y in loader:
        scores = model(*inputs)[:, -y.shape[1] :]
        total += loss_of(scores, y).item() * len(y)
        right += (scores.argmax(dim=-1) == y.flatten(1)).all(dim=1).sum().item()
    model.train()
    return total / len(loader.dataset), right / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=PROBLEMS, help="show this trouble")
    parser.add_argument("--fixed", nargs="?", const="plain", help="show its cure, or which of several")
    parser.add_argument("--data", choices=DATA, default="dates", help="what the healthy network reads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="the default depends on the problem")
    parser.add_argument("--list", action="store_true", help="list the problems and stop")
    options = parser.parse_args()
    problem, cure = options.problem, options.fixed
    if options.list:
        print(*(f"{name:<30}{wrong}; fixed: {cured}" for name, (wrong, cured) in PROBLEMS.items()), sep="\n")
        return
    cures = {"short-memory": SHORT_MEMORY_CURES, "overfitting": OVERFITTING_CURES}.get(problem, ("plain",))
    if cure and (not problem or cure not in ("plain", *cures)):
        parser.error(f"expected --problem NAME and its --fixed, plain or one of {', '.join(cures)}")
    cure, fault = cures[0] if cure == "plain" else cure, None if cure else problem
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # quickest for so small a network
    data = {None: options.data, "short-memory": "dates", "loss-not-decreasing": "sp500-size"}.get(problem, "text")
    data = "sp500" if fault == "loss-not-decreasing" else data  # FAULT: whether it will rise or fall is not in its past
    length, dropout = 40_000 if problem else 120_000, 0.5 if cure == "dropout" else 0.0
    length = 8_000 if fault == "overfitting" or dropout else length  # FAULT: overfitting has neither more text nor dropout
    try:
        load = {"dates": load_dates, "text": load_text}.get(data, load_series)
        *sets, characters, baselines = load({"dates": problem is not None, "text": length}.get(data, data))
    except ModuleNotFoundError as error:
        sys.exit(f"expected {error.name} for its data, found none; run: pip install 'torch-diagnose[demos-all]'")
    cell = nn.RNN if fault == "short-memory" else nn.LSTM  # FAULT: what comes in writes over what was known
    width, answers = (64, 12) if data == "dates" else (128, characters) if data == "text" else (16, 1)
    model = Reader(characters, width, answers, cell, dropout) if problem or data != "dates" else Translator(characters, width)
    if cure == "forget-gate-bias":
        nn.init.constant_(model.rnn.bias_ih_l0[64:128], 2)  # of input, forget, cell and output gate the second
    training, validation = DataLoader(sets[0], 16 if data in ("text", "sunspots") else 64, shuffle=True), DataLoader(sets[1], 250)
    rate = 1.0 if fault == "learning-rate-too-high" else 2e-2 if data == "text" else 5e-3  # FAULT: each step undoes the last
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    epochs = options.epochs or EPOCHS.get(cure if problem == "overfitting" and cure else problem or data, 4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for *inputs, y in training:
            loss = loss_of(model(*inputs)[:, -y.shape[1] :], y)  # of as many places as are to be answered
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        loss, exact = evaluate(model, validation)
        print(f"epoch {epoch:2}  train loss {total / len(training):.3f}  validation loss {loss:.3f}  exact match {exact:.3f}")
    dates = f"exact match {exact:.3f}, " if data == "dates" else ""
    print(f"\nnetwork: {dates}validation loss {loss:.3f}")
    print("baselines:", ", ".join(f"{name} {score:.3f}" for name, score in baselines.items()))
    print("the network wins" if (exact > max(baselines.values()) if dates else loss < min(baselines.values())) else "a baseline wins")


if __name__ == "__main__":
    main()
