import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(363)
WORDS, TAGS, SENT = 60, 6, 12
EPOCHS = 12

# a small grammar: tags follow each other, every tag has its own words and some words have two tags
follow = torch.rand(TAGS, TAGS).pow(3) + 0.02
emit = torch.zeros(TAGS, WORDS)
for tag in range(TAGS):
    emit[tag, tag * 8:tag * 8 + 12] = torch.rand(12) + 0.2


def sample(n):
    tag = torch.randint(0, TAGS, (n,))
    tags, words = [], []
    for _ in range(SENT):
        tag = torch.multinomial(follow[tag], 1).squeeze(1)
        tags.append(tag)
        words.append(torch.multinomial(emit[tag], 1).squeeze(1))
    return torch.stack(words, 1), torch.stack(tags, 1)


class LSTMTagger(nn.Module):
    def __init__(self, embedding_dim=24, hidden_dim=32):
        super().__init__()
        self.word_embeddings = nn.Embedding(WORDS, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True, bidirectional=True)
        self.hidden2tag = nn.Linear(2 * hidden_dim, TAGS)
        self.log_softmax = nn.LogSoftmax(dim=1)

    def forward(self, sentence):
        lstm_out, _ = self.lstm(self.word_embeddings(sentence))
        return self.log_softmax(self.hidden2tag(lstm_out))


train_words, train_tags = sample(3000)
val_words, val_tags = sample(600)
model = LSTMTagger()
loss_function = nn.NLLLoss()
optimizer = optim.RMSprop(model.parameters(), lr=3e-3)
scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.7)

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for batch in torch.randperm(len(train_words)).split(50):
        model.zero_grad()
        tag_scores = model(train_words[batch])
        loss = loss_function(tag_scores.reshape(-1, TAGS), train_tags[batch].reshape(-1))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        tag_scores = model(val_words)
        val_loss = loss_function(tag_scores.reshape(-1, TAGS), val_tags.reshape(-1)).item()
        accuracy = (tag_scores.argmax(-1) == val_tags).float().mean().item()
    print(f"epoch {epoch}: train loss {total / len(train_words):.4f} val loss {val_loss:.4f} tag accuracy {accuracy:.3f}")
