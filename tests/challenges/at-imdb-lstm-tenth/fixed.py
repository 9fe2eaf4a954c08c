import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

max_features = 400
maxlen = 24
batch_size = 128
epochs = 11


def reviews(n, seed):
    """Sequences of word numbers, padded in front with zeros; some words are kind, some unkind."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n, maxlen), dtype=np.int64)
    y = rng.integers(0, 2, n)
    for i in range(n):
        length = rng.integers(14, maxlen + 1)
        words = rng.integers(101, max_features, length)
        told = rng.random(length) < 0.35
        kind = rng.random(length) < (0.7 if y[i] else 0.3)
        words = np.where(told, np.where(kind, rng.integers(1, 51, length), rng.integers(51, 101, length)), words)
        x[i, -length:] = words
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(y).float())


class SentimentLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(max_features, 32)
        self.lstm = nn.LSTM(32, 32, batch_first=True)
        self.dense = nn.Linear(32, 64)
        self.dropout = nn.Dropout(0.4)
        self.out = nn.Linear(64, 1)

    def forward(self, words):
        _, (h, _) = self.lstm(self.dropout(self.embedding(words)))
        h = torch.relu(self.dense(h[-1]))
        return torch.sigmoid(self.out(h)).squeeze(1)


torch.manual_seed(12)
train, test = reviews(5000, 1), reviews(1000, 2)
loader = DataLoader(train, batch_size=batch_size, shuffle=True)
model = SentimentLSTM()
adam = torch.optim.Adam(model.parameters(), lr=0.002)
bce = nn.BCELoss()

for epoch in range(epochs):
    model.train()
    history = []
    for words, label in loader:
        adam.zero_grad()
        loss = bce(model(words), label)
        loss.backward()
        adam.step()
        history.append(loss.item())
    model.eval()
    with torch.no_grad():
        p = model(test.tensors[0])
        val_loss = bce(p, test.tensors[1]).item()
        val_acc = ((p > 0.5) == test.tensors[1].bool()).float().mean().item()
    print(f"epoch {epoch + 1:2d} train loss {np.mean(history):.4f} val loss {val_loss:.4f} val acc {val_acc:.4f}")
