import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

UNITS = ["Pump", "Valve", "Boiler", "Fan", "Conveyor", "Mixer", "Sensor", "Drive"]
STATES = ["Overheated", "Jammed", "Offline", "Leaking", "Vibrating", "Blocked", "Tripped", "Worn"]
PLACES = ["North", "South", "Hall", "Basement", "Roof", "Yard"]
FILLER = ["Alarm", "Again", "Since", "Morning", "Check", "Please", "Line", "Operator", "Shift", "Report"]
TEAMS = 4
EPOCHS = 10


def make_log(n, rnd):
    log = []
    for _ in range(n):
        unit, state = rnd.randrange(8), rnd.randrange(8)
        team = 3 if state == 5 else unit // 2
        if rnd.random() < 0.1:
            team = rnd.randrange(TEAMS)
        words = [UNITS[unit], STATES[state], rnd.choice(PLACES)] + rnd.sample(FILLER, 3)
        rnd.shuffle(words)
        log.append((" ".join(words).upper(), team))
    return log


class Vocab:
    def __init__(self, texts):
        words = sorted({w.lower() for t in texts for w in t.split()})
        self.index = {w: i + 2 for i, w in enumerate(words)}      # 0: padding, 1: unknown

    def __len__(self):
        return len(self.index) + 2

    def encode(self, text):
        return torch.tensor([self.index.get(w, 1) for w in text.split()])


class AlarmModel(nn.Module):
    def __init__(self, vocab_size, dim=32):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim, padding_idx=0)
        self.layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.2, batch_first=True)
        self.fc = nn.Linear(dim, TEAMS)

    def forward(self, ids):
        pad = ids == 0
        h = self.layer(self.embed(ids), src_key_padding_mask=pad)
        h = h.masked_fill(pad.unsqueeze(-1), 0).sum(1) / (~pad).sum(1, keepdim=True)
        return self.fc(h)


def main():
    torch.manual_seed(30)
    seed = 31
    rnd = random.Random(seed)
    train, val = make_log(1600, rnd), make_log(600, rnd)
    vocab = Vocab(t for t, _ in train)

    def collate(rows):
        return pad_sequence([vocab.encode(t) for t, _ in rows], batch_first=True), torch.tensor([k for _, k in rows])

    train_loader = DataLoader(train, 40, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(val, 200, collate_fn=collate)
    model = AlarmModel(len(vocab))
    opt = torch.optim.AdamW(model.parameters(), lr=1.5e-3, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(EPOCHS):
        model.train()
        train_loss = 0
        for ids, team in train_loader:
            loss = loss_fn(model(ids), team)
            opt.zero_grad()
            loss.backward()
            opt.step()
            train_loss += loss.item() / len(train_loader)
        sched.step()
        model.eval()
        val_loss, hits = 0, 0
        with torch.no_grad():
            for ids, team in val_loader:
                out = model(ids)
                val_loss += loss_fn(out, team).item() / len(val_loader)
                hits += (out.argmax(1) == team).sum().item()
        print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} val acc {hits / len(val):.3f}")


if __name__ == "__main__":
    main()
