import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(6)
rng = np.random.default_rng(6)
LENGTH, FEATURES = 20, 5


def recordings(count):
    """sequences of 5 to 20 steps, padded with zeros; each step is of kind 1 or 2"""
    x = np.zeros((count, LENGTH, FEATURES), dtype=np.float32)
    y = np.zeros((count, LENGTH), dtype=np.int64)
    lengths = rng.integers(5, LENGTH + 1, count)
    for i, n in enumerate(lengths):
        kind = rng.integers(0, 2)
        for t in range(n):
            if rng.random() < 0.3:
                kind = 1 - kind
            y[i, t] = kind + 1
            x[i, t] = rng.normal(0.0 if kind == 0 else 0.9, 1.0, FEATURES)
    return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(lengths)


class Tagger(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.dense = nn.Linear(2 * hidden, 3)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=LENGTH)
        return torch.sigmoid(self.dense(self.dropout(out)))


def step_loss(scores, y):
    mask = y > 0
    return F.cross_entropy(scores[mask], y[mask])


train_x, train_y, train_n = recordings(300)
val_x, val_y, val_n = recordings(150)

model = Tagger()
sgd = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
epochs = 3

for epoch in range(epochs):
    model.train()
    losses = []
    for idx in torch.randperm(len(train_x)).split(20):
        loss = step_loss(model(train_x[idx], train_n[idx]), train_y[idx])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        scores = model(val_x, val_n)
        val = step_loss(scores, val_y).item()
        mask = val_y > 0
        acc = (scores.argmax(-1)[mask] == val_y[mask]).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {np.mean(losses):.4f} val loss {val:.4f} step accuracy {acc:.4f}")
