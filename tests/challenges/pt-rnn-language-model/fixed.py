import numpy as np
import torch
from torch import nn

SEQ, BATCH, HIDDEN = 40, 32, 64
EPOCHS = 10
torch.manual_seed(23)


def make_text(n, letters=18, seed=5):
    """a made-up language: the next letter depends on the two before it"""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(letters, 0.15), size=(letters, 4))
    out = [0, 1]
    u = rng.random(n)
    cum = table.cumsum(-1)
    for k in range(n):
        out.append(min(int(np.searchsorted(cum[out[-1], out[-2] % 4], u[k])), letters - 1))
    return torch.tensor(out[2:])


def batchify(ids):
    n = len(ids) // BATCH
    return ids[:n * BATCH].view(BATCH, n)


corpus = make_text(100000)
train_data, val_data = batchify(corpus[:86000]), batchify(corpus[86000:])


class RNNModel(nn.Module):
    def __init__(self, ntoken=18, ninp=24, nhid=HIDDEN):
        super().__init__()
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.RNN(ninp, nhid, nonlinearity="relu", batch_first=True)
        self.decoder = nn.Linear(nhid, ntoken)
        nn.init.eye_(self.rnn.weight_hh_l0)
        nn.init.zeros_(self.rnn.bias_hh_l0)

    def forward(self, x):
        out, _ = self.rnn(self.encoder(x))
        return self.decoder(out)


model = RNNModel()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.75)


def evaluate(data):
    model.eval()
    with torch.no_grad():
        data = torch.stack([data[:, s:s + SEQ + 1] for s in range(0, data.size(1) - SEQ, SEQ)]).flatten(0, 1)
        out = model(data[:, :-1])
        return criterion(out.flatten(0, 1), data[:, 1:].flatten()).item()


for epoch in range(1, EPOCHS + 1):
    model.train()
    total, count = 0.0, 0
    for s in range(0, train_data.size(1) - 1 - SEQ, SEQ):
        x, y = train_data[:, s:s + SEQ], train_data[:, s + 1:s + SEQ + 1]
        out = model(x)
        loss = criterion(out.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total, count = total + loss.item(), count + 1
    scheduler.step()
    v = evaluate(val_data)
    print(f"epoch {epoch} | train loss {total / count:.4f} | val loss {v:.4f} | perplexity {np.exp(v):.3f}")
