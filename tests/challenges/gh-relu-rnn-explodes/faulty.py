import torch
import torch.nn as nn
import torch.nn.functional as F

VOCAB = 12
torch.manual_seed(13)


def corpus(n, length, table):
    """words drawn from a second-order chain"""
    words = torch.randint(0, VOCAB, (n, length + 1))
    for t in range(2, length + 1):
        words[:, t] = torch.multinomial(table[words[:, t - 2], words[:, t - 1]], 1).squeeze(1)
    return words


class RNNModel(nn.Module):
    def __init__(self, ninp=16, nhid=48):
        super().__init__()
        self.encoder = nn.Embedding(VOCAB, ninp)
        self.rnn = nn.RNN(ninp, nhid, nonlinearity="relu", batch_first=True)
        self.decoder = nn.Linear(nhid, VOCAB)
        nn.init.eye_(self.rnn.weight_hh_l0)

    def forward(self, words, hidden=None):
        output, hidden = self.rnn(self.encoder(words), hidden)
        return self.decoder(output), hidden


def language_loss(model, words):
    logits, _ = model(words[:, :-1])
    return F.cross_entropy(logits.reshape(-1, VOCAB), words[:, 1:].reshape(-1))


table = torch.softmax(1.6 * torch.randn(VOCAB, VOCAB, VOCAB), -1)
train_words, val_words = corpus(500, 60, table), corpus(200, 60, table)
model = RNNModel()
epochs = 20
optimizer = torch.optim.SGD(model.parameters(), lr=0.4, momentum=0.8)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train_words)).split(20):
        optimizer.zero_grad()
        loss = language_loss(model, train_words[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(train_words)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = language_loss(model, val_words).item()
    print(f"epoch {epoch + 1} loss {total:.4f} val loss {val:.4f}")
print(f"final: val loss {val:.4f}")
