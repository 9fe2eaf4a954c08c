import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

SEED = 2
EPOCHS = 10
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

# word 0 is the padding, 1 negates the next opinion, 2..21 praise, 22..41 blame, the rest say nothing
N_WORDS = 242


def comment():
    words, score = [], 0
    for _ in range(int(rng.integers(2, 5))):
        words += list(rng.integers(42, N_WORDS, int(rng.integers(1, 4))))
        good, negated = rng.random() < 0.5, rng.random() < 0.35
        if negated:
            words.append(1)
        words.append(int(rng.integers(2, 22) if good else rng.integers(22, 42)))
        score += 1 if good != negated else -1
    if score == 0:
        return comment()
    label = float(score > 0)
    if rng.random() < 0.08:
        label = 1 - label
    return torch.tensor(words), label


def collate(batch):
    return pad_sequence([w for w, _ in batch], batch_first=True), torch.tensor([len(w) for w, _ in batch]), \
        torch.tensor([l for _, l in batch])


class OpinionLSTM(nn.Module):
    def __init__(self, dim=24, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(N_WORDS, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.classify = nn.Linear(hidden, 1)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.dropout(self.embed(words)), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        return self.classify(h[-1]).squeeze(1)


train = DataLoader([comment() for _ in range(5000)], batch_size=64, shuffle=True, collate_fn=collate)
val = DataLoader([comment() for _ in range(1500)], batch_size=500, collate_fn=collate)
model = OpinionLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-5)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
bce = nn.BCEWithLogitsLoss()

for epoch in range(EPOCHS):
    model.train()
    losses = []
    for words, lengths, label in train:
        optimizer.zero_grad()
        loss = bce(model(words, lengths), label)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    val_losses, hits = [], 0
    with torch.no_grad():
        for words, lengths, label in val:
            out = model(words, lengths)
            val_losses.append(bce(out, label).item())
            hits += ((out > 0).float() == label).sum().item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {np.mean(val_losses):.4f} val acc {hits / 1500:.4f}")
