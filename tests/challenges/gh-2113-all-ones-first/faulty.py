import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence, pack_padded_sequence
from torch.utils.data import DataLoader, Dataset

VOCAB = 90


class Reviews(Dataset):
    """reviews as the folders hold them: neg/0.txt, neg/1.txt, ..., pos/0.txt, pos/1.txt, ..."""

    def __init__(self, per_folder, liking, seed):
        g = torch.Generator().manual_seed(seed)
        self.items = []
        for label, sign in ((0, -1.0), (1, 1.0)):
            for _ in range(per_folder):
                length = int(torch.randint(8, 22, (1,), generator=g))
                words = torch.multinomial(torch.softmax(0.45 * sign * liking, 0), length, replacement=True, generator=g)
                self.items.append((words + 1, label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    words = [w for w, _ in batch]
    return pad_sequence(words, batch_first=True), torch.tensor([len(w) for w in words]), torch.tensor([float(y) for _, y in batch])


class Sentiment(nn.Module):
    def __init__(self, width=16, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(VOCAB + 1, width, padding_idx=0)
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(hidden, 1)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        return self.out(self.drop(h[-1])).squeeze(1)


torch.manual_seed(19)
liking = torch.randn(VOCAB)
train_loader = DataLoader(Reviews(1500, liking, seed=19), batch_size=40, collate_fn=collate)
val_loader = DataLoader(Reviews(300, liking, seed=20), batch_size=300, collate_fn=collate)
model = Sentiment()
criterion = nn.BCEWithLogitsLoss()
epochs = 4
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for words, lengths, label in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(words, lengths), label)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() / len(train_loader)
    model.eval()
    val_loss, right = 0.0, 0
    with torch.no_grad():
        for words, lengths, label in val_loader:
            out = model(words, lengths)
            val_loss += criterion(out, label).item() / len(val_loader)
            right += ((out > 0).float() == label).sum().item()
    print(f"epoch {epoch + 1}: train loss {total:.4f} val loss {val_loss:.4f} val acc {right / 600:.3f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {right / 600:.3f}")
