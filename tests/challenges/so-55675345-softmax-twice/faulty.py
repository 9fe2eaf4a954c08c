import torch
import torch.nn as nn

torch.manual_seed(50)


class Tagger(nn.Module):
    """a tag for every word; the tag depends on the word and on the one before"""

    def __init__(self, words=20, tags=9, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(words, 16)
        self.lstm = nn.LSTM(16, hidden, batch_first=True, bidirectional=True)
        self.hidden2tag = nn.Linear(2 * hidden, tags)

    def forward(self, sentence):
        states, _ = self.lstm(self.embedding(sentence))
        return self.hidden2tag(states).softmax(dim=-1)


def sentences(n, rule, length=12):
    words = torch.randint(0, 20, (n, length))
    before = torch.cat([torch.zeros(n, 1, dtype=torch.long), words[:, :-1]], 1)
    tags = rule[words, before]
    wrong = torch.rand(n, length) < 0.1
    tags = torch.where(wrong, torch.randint(0, 9, (n, length)), tags)
    return words, tags


rule = torch.randint(0, 9, (20, 20))
train_words, train_tags = sentences(1200, rule)
val_words, val_tags = sentences(300, rule)
tagger = Tagger()
log_softmax = nn.LogSoftmax(dim=-1)
nll = nn.NLLLoss()
optimizer = torch.optim.Adam(tagger.parameters(), lr=1e-2, weight_decay=1e-4)
epochs = 14
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    tagger.train()
    for idx in torch.randperm(len(train_words)).split(24):
        tagger.zero_grad()
        scores = log_softmax(tagger(train_words[idx]))
        loss = nll(scores.transpose(1, 2), train_tags[idx])
        loss.backward()
        optimizer.step()
    scheduler.step()
    tagger.eval()
    with torch.no_grad():
        scores = log_softmax(tagger(val_words))
        val_loss = nll(scores.transpose(1, 2), val_tags).item()
        acc = (scores.argmax(-1) == val_tags).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} val accuracy {acc:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {acc:.4f}")
