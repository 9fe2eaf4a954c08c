import random
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

random.seed(8)
torch.manual_seed(8)

FILLER = [f"w{i}" for i in range(60)]
ALARMING = ["down", "outage", "broken", "crash", "breach"]
CALMING = ["resolved", "thanks", "later", "duplicate"]
vocab = {w: i + 1 for i, w in enumerate(FILLER + ALARMING + CALMING + ["not"])}


def ticket():
    words = [random.choice(FILLER) for _ in range(random.randint(6, 16))]
    score = -0.5
    for _ in range(random.choice([0, 0, 1, 1, 2])):
        at = random.randrange(len(words))
        if random.random() < 0.3:
            words[at:at] = ["not", random.choice(ALARMING)]
        else:
            words.insert(at, random.choice(ALARMING))
            score += 1
    if random.random() < 0.35:
        words.insert(random.randrange(len(words)), random.choice(CALMING))
        score -= 1
    urgent = score > 0
    if random.random() < 0.05:
        urgent = not urgent
    return torch.tensor([vocab[w] for w in words]), float(urgent)


def tickets(n):
    ids, labels = zip(*(ticket() for _ in range(n)))
    return pad_sequence(ids, batch_first=True), torch.tensor([len(t) for t in ids]), torch.tensor(labels)


train_x, train_len, train_y = tickets(6000)
val_x, val_len, val_y = tickets(1000)


class TicketModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(vocab) + 1, 16, padding_idx=0)
        self.gru = nn.GRU(16, 20, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.dense = nn.Linear(20, 1)

    def forward(self, x, lengths):
        states, _ = self.gru(self.embedding(x))
        last = states[torch.arange(len(x)), lengths - 1]
        return self.dense(self.dropout(last)).squeeze(1)


model = TicketModel()
criterion = nn.BCEWithLogitsLoss()
EPOCHS = 8
optimizer = torch.optim.Adam(model.parameters(), lr=0.005, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    losses = []
    for rows in torch.randperm(len(train_x)).split(64):
        loss = criterion(model(train_x[rows], train_len[rows]), train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logits = model(val_x, val_len)
        val_loss = criterion(logits, val_y).item()
        right = ((torch.sigmoid(logits) > 0.5).float() == val_y).float().mean().item()
    print(f"epoch {epoch + 1} train loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} val accuracy {right:.3f}")

print(f"final: val loss {val_loss:.4f} val accuracy {right:.3f}, share of urgent tickets {val_y.mean().item():.3f}")
