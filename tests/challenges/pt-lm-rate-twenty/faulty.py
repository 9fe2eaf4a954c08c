import math
import torch
import torch.nn as nn

torch.manual_seed(1111)
VOCAB, EMSIZE, NHID, BPTT, BATCH = 40, 32, 64, 35, 20
lr, clip = 20.0, 0.5


def corpus(length, table):
    ids = torch.zeros(BATCH, length, dtype=torch.long)
    ids[:, :2] = torch.randint(0, VOCAB, (BATCH, 2))
    for t in range(2, length):
        ids[:, t] = torch.multinomial(table[(ids[:, t - 1] + 11 * (ids[:, t - 2] % 2)) % VOCAB], 1).squeeze(1)
    return ids.t().contiguous()


class RNNModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.1)
        self.encoder = nn.Embedding(VOCAB, EMSIZE)
        self.rnn = nn.RNN(EMSIZE, NHID)
        self.decoder = nn.Linear(NHID, VOCAB)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, x, hidden):
        out, hidden = self.rnn(self.drop(self.encoder(x)), hidden)
        return self.decoder(self.drop(out)).view(-1, VOCAB), hidden


def repackage_hidden(h):
    return h.detach()


def get_batch(source, i):
    n = min(BPTT, len(source) - 1 - i)
    return source[i:i + n], source[i + 1:i + 1 + n].reshape(-1)


def evaluate(source):
    model.eval()
    total = 0.0
    hidden = None
    with torch.no_grad():
        for i in range(0, len(source) - 1, BPTT):
            data, targets = get_batch(source, i)
            out, hidden = model(data, hidden)
            total += len(data) * criterion(out, targets).item()
    return total / (len(source) - 1)


table = torch.softmax(2.5 * torch.randn(VOCAB, VOCAB), 1)
train_data, val_data = corpus(2400, table), corpus(500, table)
model = RNNModel()
criterion = nn.CrossEntropyLoss()
epochs = 18
for epoch in range(1, epochs + 1):
    model.train()
    total, hidden = 0.0, None
    for i in range(0, len(train_data) - 1, BPTT):
        data, targets = get_batch(train_data, i)
        if hidden is not None:
            hidden = repackage_hidden(hidden)
        model.zero_grad()
        out, hidden = model(data, hidden)
        loss = criterion(out, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)
        total += len(data) * loss.item() / (len(train_data) - 1)
    val_loss = evaluate(val_data)
    print(f"epoch {epoch:3d} | lr {lr:6.3f} | train loss {total:6.3f} | val loss {val_loss:.4f} | ppl {math.exp(min(val_loss, 50)):8.2f}")
    lr *= 0.85
print(f"final: val loss {val_loss:.4f}, perplexity {math.exp(min(val_loss, 50)):.2f}")
