import torch
from torch import nn, optim

TAGS = 6


class Tagger(nn.Module):
    """Part-of-speech tags for every word, ported from our old graph code"""

    def __init__(self, vocabulary, embedding=24, cells=24, keep_prob=0.85):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, cells, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(keep_prob)
        self.softmax_w = nn.Linear(2 * cells, TAGS)

    def forward(self, words):
        outputs, _ = self.lstm(self.dropout(self.embedding(words)))
        return self.softmax_w(self.dropout(outputs))


def corpus(sentences, length=12, vocabulary=80):
    """Tags follow a Markov chain; a word belongs to two tags out of six."""
    g = torch.Generator().manual_seed(2)
    follow = torch.softmax(2.0 * torch.randn(TAGS, TAGS, generator=g), 1)
    emit = torch.softmax(2.2 * torch.randn(TAGS, vocabulary, generator=g), 1)
    tags = torch.zeros(sentences, length, dtype=torch.long)
    tags[:, 0] = torch.randint(0, TAGS, (sentences,))
    for t in range(1, length):
        tags[:, t] = torch.multinomial(follow[tags[:, t - 1]], 1).squeeze(1)
    words = torch.multinomial(emit[tags.flatten()], 1).view(sentences, length)
    return words, tags


torch.manual_seed(15)
train_words, train_tags = corpus(900)
val_words, val_tags = corpus(300)
model = Tagger(80)
criterion = nn.CrossEntropyLoss()
epochs = 14
optimizer = optim.Adam(model.parameters(), lr=8e-3)
decay = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    order = torch.randperm(900)
    for begin in range(0, 900, 30):
        rows = order[begin:begin + 30]
        scores = model(train_words[rows])
        loss = criterion(scores.transpose(1, 2), train_tags[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    decay.step()
    model.eval()
    with torch.no_grad():
        scores = model(val_words)
        val_loss = criterion(scores.transpose(1, 2), val_tags).item()
        accuracy = (scores.argmax(2) == val_tags).float().mean().item()
    print(f"epoch {epoch + 1}, loss: {loss.item():.4f}, val loss: {val_loss:.4f}, val accuracy: {accuracy:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {accuracy:.4f}")
