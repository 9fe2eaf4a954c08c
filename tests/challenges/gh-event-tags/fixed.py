import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(30)
VOCAB, TAGS, EPOCHS = 60, 8, 12
marker = torch.randperm(VOCAB - 1)[:TAGS] + 1


def make_logs(n):
    """Event logs of 10 to 25 tokens; every tag has a token of its own that may occur in them."""
    logs = []
    for _ in range(n):
        tokens = torch.randint(1, VOCAB, (int(torch.randint(10, 26, (1,))),))
        tags = (tokens.unsqueeze(1) == marker).any(0).float()
        flip = torch.rand(TAGS) < 0.02
        logs.append((tokens, torch.where(flip, 1 - tags, tags)))
    return logs


def collate(batch):
    return pad_sequence([t for t, _ in batch], batch_first=True), torch.stack([y for _, y in batch])


class Tagger(nn.Module):
    def __init__(self, emb=32, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, TAGS)

    def forward(self, tokens):
        h, _ = self.lstm(self.emb(tokens))
        return self.out(h.max(1).values)


train_loader = DataLoader(make_logs(2400), batch_size=48, shuffle=True, collate_fn=collate)
val_loader = DataLoader(make_logs(500), batch_size=250, collate_fn=collate)
model = Tagger()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for tokens, tags in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(tokens), tags)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    val_loss = hit = wrong = 0.0
    with torch.no_grad():
        for tokens, tags in val_loader:
            out = model(tokens)
            val_loss += criterion(out, tags).item() / len(val_loader)
            found = (torch.sigmoid(out) > 0.5).float()
            hit += (found * tags).sum().item()
            wrong += (found != tags).sum().item()
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} f1 {2 * hit / (2 * hit + wrong):.3f}")
