import argparse
import random
import torch
import torch.nn as nn

parser = argparse.ArgumentParser(description="character language model")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--lr", type=float, default=1.0)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--bptt", type=int, default=32)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--clip", type=float, default=0.5)
parser.add_argument("--seed", type=int, default=11)
args, _ = parser.parse_known_args()

random.seed(args.seed)
torch.manual_seed(args.seed)

SUBJECTS = ["the old man", "a young girl", "my brother", "the tall captain", "her teacher", "the farmer"]
VERBS = ["carried", "found", "painted", "sold", "repaired", "watched"]
OBJECTS = ["a wooden boat", "the red lantern", "two grey horses", "an empty house", "the letter", "some apples"]
PLACES = ["near the river", "in the village", "on the hill", "behind the church", "by the sea"]


def sentence():
    return " ".join(random.choice(part) for part in (SUBJECTS, VERBS, OBJECTS, PLACES)) + ". "


class Corpus:
    def __init__(self):
        train = "".join(sentence() for _ in range(1100))
        valid = "".join(sentence() for _ in range(150))
        self.chars = sorted(set(train))
        self.index = {c: i for i, c in enumerate(self.chars)}
        self.train, self.valid = self.encode(train), self.encode(valid)

    def encode(self, text):
        return torch.tensor([self.index[c] for c in text])


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nhid):
        super().__init__()
        self.encoder = nn.Embedding(ntoken, ninp)
        self.lstm = nn.LSTM(ninp, nhid)
        self.decoder = nn.Linear(nhid, ntoken)

    def forward(self, x, hidden=None):
        out, hidden = self.lstm(self.encoder(x), hidden)
        return self.decoder(out), hidden


def batchify(data, bsz):
    n = len(data) // bsz
    return data[:n * bsz].view(bsz, n).t().contiguous()


def run(model, source, criterion, optimizer=None):
    hidden, total, count = None, 0.0, 0
    for i in range(0, len(source) - 1, args.bptt):
        n = min(args.bptt, len(source) - 1 - i)
        logits, hidden = model(source[i:i + n], hidden)
        hidden = tuple(h.detach() for h in hidden)
        loss = criterion(logits.view(-1, logits.size(-1)), source[i + 1:i + 1 + n].reshape(-1))
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), args.clip)
            optimizer.step()
        total, count = total + loss.item() * n, count + n
    return total / count


corpus = Corpus()
train_data = batchify(corpus.train, args.batch_size)
val_data = batchify(corpus.valid, 10)
model = RNNModel(len(corpus.chars), 24, args.hidden)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

for epoch in range(1, args.epochs + 1):
    model.train()
    train_loss = run(model, train_data, criterion, optimizer)
    model.eval()
    with torch.no_grad():
        val_loss = run(model, val_data, criterion)
    print(f"epoch {epoch:2d} | train loss {train_loss:.4f} | val loss {val_loss:.4f} | val ppl {torch.tensor(val_loss).exp().item():.2f}")
