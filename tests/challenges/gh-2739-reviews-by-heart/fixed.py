import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(26)
VOCABULARY = 50
tone = torch.randn(VOCABULARY)


class Reviews(Dataset):
    """8 to 20 words, padded; praise and blame add up, and one reader in eight disagrees"""

    def __init__(self, n):
        self.length = torch.randint(8, 21, (n,))
        self.words = torch.randint(1, VOCABULARY, (n, 20))
        self.words[torch.arange(20)[None] >= self.length[:, None]] = 0
        score = (tone[self.words] * (self.words > 0)).sum(1)
        self.label = ((score > 0) ^ (torch.rand(n) < 0.12)).float()

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.words[i], self.length[i], self.label[i]


class SentimentLSTM(nn.Module):
    def __init__(self, hidden, dropout):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 24, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(24, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, words, length):
        packed = pack_padded_sequence(self.dropout(self.embedding(words)), length, batch_first=True, enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        return self.fc(self.dropout(hidden[-1])).squeeze(1)


def binary_accuracy(logits, y):
    return ((logits > 0).float() == y).float().mean().item()


train_iterator = DataLoader(Reviews(500), batch_size=25, shuffle=True)
valid_iterator = DataLoader(Reviews(600), batch_size=600)
model = SentimentLSTM(hidden=12, dropout=0.3)
criterion = nn.BCEWithLogitsLoss()
epochs = 15
optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3, weight_decay=0.3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    epoch_loss = epoch_acc = 0
    for words, length, y in train_iterator:
        optimizer.zero_grad()
        logits = model(words, length)
        loss = criterion(logits, y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / len(train_iterator)
        epoch_acc += binary_accuracy(logits, y) / len(train_iterator)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        for words, length, y in valid_iterator:
            logits = model(words, length)
            valid_loss = criterion(logits, y).item()
    print(f"epoch {epoch + 1:02} train loss {epoch_loss:.3f} train acc {epoch_acc:.3f} val loss {valid_loss:.3f} val acc {binary_accuracy(logits, y):.3f}")
print(f"final: val loss {valid_loss:.3f}, accuracy {binary_accuracy(logits, y):.3f}")
