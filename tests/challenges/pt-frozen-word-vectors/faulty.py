import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
rng = np.random.default_rng(4)
VOCAB, LENGTH, DIM = 400, 16, 6

mood = rng.normal(size=VOCAB) * (rng.random(VOCAB) < 0.3)
negation = np.arange(VOCAB) < 12


def comments(n):
    ids = rng.integers(0, VOCAB, (n, LENGTH))
    ids[:, 1::4] = np.where(rng.random((n, LENGTH // 4)) < 0.4, rng.integers(0, 12, (n, LENGTH // 4)), ids[:, 1::4])
    sign = np.ones(ids.shape)
    sign[:, 1:] = np.where(negation[ids[:, :-1]], -1, 1)
    total = (mood[ids] * sign).sum(1)
    label = rng.random(n) < 1 / (1 + np.exp(-3 * total))
    return TensorDataset(torch.as_tensor(ids), torch.as_tensor(label, dtype=torch.float32))


# vectors of a word2vec model trained on another corpus
vectors = torch.as_tensor(rng.normal(size=(VOCAB, DIM)) * 0.4, dtype=torch.float32)


class TextGRU(nn.Module):
    def __init__(self, vectors, hidden=24):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(vectors)
        self.gru = nn.GRU(vectors.size(1), hidden, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, ids):
        h, _ = self.gru(self.embedding(ids))
        return self.fc(self.dropout(h.mean(1))).squeeze(1)


train_loader = DataLoader(comments(8000), batch_size=100, shuffle=True)
val_loader = DataLoader(comments(1500), batch_size=500)
model = TextGRU(vectors)
epochs = 12
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for ids, label in train_loader:
        loss = criterion(model(ids), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    val_loss = hits = 0.0
    with torch.no_grad():
        for ids, label in val_loader:
            out = model(ids)
            val_loss += criterion(out, label).item() / len(val_loader)
            hits += ((out > 0) == (label > 0.5)).float().mean().item() / len(val_loader)
    print(f"epoch {epoch} | train loss {total:.4f} | val loss {val_loss:.4f} | val acc {hits:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {hits:.4f}")
