import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(14)
WORDS, LENGTH, TAGS = 200, 20, ["O", "B-DRUG", "I-DRUG"]


def sentences(n):
    """Drug names: a word of the upper tenth of the vocabulary mostly behind a cue word, sometimes two words long."""
    ids = torch.randint(4, WORDS, (n, LENGTH))
    tags = torch.zeros(n, LENGTH, dtype=torch.long)
    rows = torch.arange(n)
    has = torch.rand(n) < 0.6
    place = torch.randint(1, LENGTH - 2, (n,))
    two = torch.rand(n) < 0.5
    cued = has & (torch.rand(n) < 0.9)
    ids[rows[cued], place[cued] - 1] = torch.randint(0, 4, (int(cued.sum()),))
    real = has & (torch.rand(n) < 0.35)
    tags[rows[real], place[real]] = 1
    tags[rows[real & two], place[real & two] + 1] = 2
    ids[rows[has], place[has]] = torch.randint(WORDS - 40, WORDS, (int(has.sum()),))
    ids[rows[has & two], place[has & two] + 1] = torch.randint(WORDS - 40, WORDS, (int((has & two).sum()),))
    return ids, tags


class Tagger(nn.Module):
    def __init__(self, dim=24, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(WORDS, dim)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, ids):
        h, _ = self.lstm(self.dropout(self.embed(ids)))
        return self.out(self.dropout(h))


def entity_scores(pred, true):
    found = ((pred == true) & (true > 0)).sum().item()
    recall = found / max((true > 0).sum().item(), 1)
    precision = found / max((pred > 0).sum().item(), 1)
    return recall, 2 * precision * recall / max(precision + recall, 1e-9)


def balanced_loss(logits, tags):
    return torch.stack([F.cross_entropy(logits[tags == k], tags[tags == k]) for k in range(len(TAGS))]).mean().item()


ids, tags = sentences(3000)
val_ids, val_tags = sentences(1000)
loader = DataLoader(TensorDataset(ids, tags), batch_size=50, shuffle=True)
model = Tagger()
epochs = 8
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * len(loader))
criterion = nn.CrossEntropyLoss()

for epoch in range(epochs):
    model.train()
    total = 0.0
    for xb, yb in loader:
        loss = criterion(model(xb).flatten(0, 1), yb.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        logits = model(val_ids)
    pred = logits.argmax(-1)
    val_loss = balanced_loss(logits, val_tags)
    acc = (pred == val_tags).float().mean().item()
    recall, f1 = entity_scores(pred, val_tags)
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val_loss:.4f} token accuracy {acc:.3f} entity recall {recall:.3f}")
print(f"final: val loss {val_loss:.4f}, token accuracy {acc:.3f}, entity recall {recall:.3f}")
