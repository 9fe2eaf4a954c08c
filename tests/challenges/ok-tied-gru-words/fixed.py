import math
import numpy as np
import torch
from torch import nn

VOCAB, BPTT, STREAMS = 24, 32, 20
EPOCHS = 9
torch.manual_seed(15)


def text(length, seed):
    """words that follow one another by a table looking two words back"""
    table = np.random.default_rng(5).dirichlet(np.full(VOCAB, 0.12), size=(6, VOCAB))
    cumulative = table.cumsum(-1)
    rng = np.random.default_rng(seed)
    words = [0, 1]
    for u in rng.random(length - 2):
        words.append(min(int(np.searchsorted(cumulative[words[-2] % 6, words[-1]], u)), VOCAB - 1))
    return torch.tensor(words)


class WordModel(nn.Module):
    def __init__(self, size=64):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, size)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.drop = nn.Dropout(0.1)
        self.rnn = nn.GRU(size, size)
        self.out = nn.Linear(size, VOCAB)
        self.out.weight = self.embed.weight

    def forward(self, words, state):
        y, state = self.rnn(self.drop(self.embed(words)), state)
        return self.out(self.drop(y)), state


def batchify(words):
    n = len(words) // STREAMS
    return words[:n * STREAMS].view(STREAMS, n).t().contiguous()


def chunks(data):
    for i in range(0, len(data) - 1, BPTT):
        n = min(BPTT, len(data) - 1 - i)
        yield data[i:i + n], data[i + 1:i + 1 + n]


train, valid = batchify(text(40000, 1)), batchify(text(8000, 2))
model = WordModel()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=EPOCHS * math.ceil((len(train) - 1) / BPTT))
criterion = nn.CrossEntropyLoss()

for epoch in range(1, EPOCHS + 1):
    model.train()
    state, losses = None, []
    for x, y in chunks(train):
        if state is not None:
            state = state.detach()
        scores, state = model(x, state)
        loss = criterion(scores.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    state, bits, count = None, 0.0, 0
    with torch.no_grad():
        for x, y in chunks(valid):
            scores, state = model(x, state)
            bits += criterion(scores.flatten(0, 1), y.flatten()).item() * y.numel()
            count += y.numel()
    print(f"epoch {epoch} | train loss {np.mean(losses):.4f} | val loss {bits / count:.4f} | perplexity {math.exp(bits / count):.2f}")
print(f"final: perplexity {math.exp(bits / count):.2f} of {VOCAB} words")
