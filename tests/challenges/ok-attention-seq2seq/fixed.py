import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(34)
random.seed(34)
SYMBOLS, LENGTH, START = 11, 6, 0
key = torch.cat([torch.tensor([0]), torch.randperm(SYMBOLS - 1) + 1])


def commands(n):
    """the answer is the command backwards in another alphabet; one symbol in eight is garbled"""
    src = torch.randint(1, SYMBOLS, (n, LENGTH))
    trg = key[src.flip(1)]
    return src, torch.where(torch.rand(n, LENGTH) < 0.12, torch.randint(1, SYMBOLS, (n, LENGTH)), trg)


class Attention(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.query, self.memory, self.v = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, 1, bias=False)

    def forward(self, state, memory):
        weight = torch.softmax(self.v(torch.tanh(self.query(state)[:, None] + self.memory(memory))), dim=1)
        return (weight * memory).sum(1)


class Seq2Seq(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS, d)
        self.encoder = nn.LSTM(d, d // 2, batch_first=True, bidirectional=True)
        self.attention = Attention(d)
        self.cell = nn.LSTMCell(2 * d, d)
        self.out = nn.Linear(2 * d, SYMBOLS)

    def forward(self, src, trg, teacher):
        memory, _ = self.encoder(self.embed(src))
        h = c = torch.zeros(len(src), memory.size(2))
        last, scores = torch.full((len(src),), START), []
        for t in range(trg.size(1)):
            context = self.attention(h, memory)
            h, c = self.cell(torch.cat([self.embed(last), context], 1), (h, c))
            scores.append(self.out(torch.cat([h, context], 1)))
            last = trg[:, t] if random.random() < teacher else scores[-1].argmax(1)
        return torch.stack(scores, 1)


src, trg = commands(2400)
val_src, val_trg = commands(500)
model = Seq2Seq()
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    teacher = 1 - 0.5 * epoch / epochs
    total = 0.0
    for i in torch.randperm(len(src)).split(80):
        loss = F.cross_entropy(model(src[i], trg[i], teacher).flatten(0, 1), trg[i].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(i) / len(src)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_src, val_trg, 1.0)
    val_loss = F.cross_entropy(out.flatten(0, 1), val_trg.flatten()).item()
    print(f"epoch {epoch + 1} teacher {teacher:.2f} loss {total:.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, symbols right {(out.argmax(2) == val_trg).float().mean().item():.3f}")
