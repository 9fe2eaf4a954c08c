import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

rng = np.random.default_rng(12)
torch.manual_seed(12)

N_TRAIN = 150
N_VAL = 800
EPOCHS = 60
MOODS = ["negative", "neutral", "positive"]
filler = [f"word{i}" for i in range(300)]
mood_words = {m: [f"{m}{i}" for i in range(40)] for m in MOODS}
vocabulary = {w: i + 1 for i, w in enumerate(filler + sum(mood_words.values(), []))}


def tweet():
    mood = int(rng.integers(3))
    words = list(rng.choice(filler, rng.integers(6, 14)))
    for _ in range(rng.integers(2, 4)):
        said = mood if rng.random() < 0.85 else int(rng.integers(3))
        words.insert(int(rng.integers(len(words) + 1)), str(rng.choice(mood_words[MOODS[said]])))
    return torch.tensor([vocabulary[w] for w in words]), mood


def collate(tweets):
    return (pad_sequence([t for t, _ in tweets], batch_first=True), torch.tensor([len(t) for t, _ in tweets]),
            torch.tensor([m for _, m in tweets]))


class TweetLSTM(nn.Module):
    def __init__(self, dim=40, units=48):
        super().__init__()
        self.embedding = nn.Embedding(len(vocabulary) + 1, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, units, batch_first=True)
        self.drop = nn.Dropout(0.4)
        self.out = nn.Linear(units, 3)

    def forward(self, ids, lengths):
        states, _ = self.lstm(self.drop(self.embedding(ids)))
        mask = (ids > 0).unsqueeze(2)
        return self.out(self.drop((states * mask).sum(1) / lengths.unsqueeze(1)))


train = [tweet() for _ in range(N_TRAIN)]
val_ids, val_lengths, val_mood = collate([tweet() for _ in range(N_VAL)])

model = TweetLSTM()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)

for epoch in range(EPOCHS):
    model.train()
    order = rng.permutation(N_TRAIN)
    loss_sum = right = 0.0
    for start in range(0, N_TRAIN, 50):
        ids, lengths, mood = collate([train[i] for i in order[start:start + 50]])
        optimizer.zero_grad()
        out = model(ids, lengths)
        loss = criterion(out, mood)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss_sum += loss.item() * len(mood)
        right += (out.argmax(1) == mood).sum().item()
    model.eval()
    with torch.no_grad():
        out = model(val_ids, val_lengths)
        val_loss = criterion(out, val_mood).item()
        val_acc = (out.argmax(1) == val_mood).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {loss_sum / N_TRAIN:.4f} acc {right / N_TRAIN:.3f}  val loss {val_loss:.4f} acc {val_acc:.3f}")
